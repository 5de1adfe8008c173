//! Layers: files in a tar archive, and the archive in gzip.
//!
//! Owns both formats (POSIX ustar; RFC 1952 over RFC 1951). Nothing is compressed, only stored, which every reader takes:
//! 20,000 images are hashed at the start of a cluster, and compressing them would take most of a minute.

const BLOCK: usize = 512;
/// Most bytes of a stored block.
const STORED: usize = 0xffff;

/// A tar archive in the making.
#[derive(Debug, Default)]
pub(super) struct Tar(Vec<u8>);

impl Tar {
    /// Adds a file; `path` is relative and shorter than 100 bytes.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) {
        self.header(path, content.len());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }

    /// The archive, with the two empty blocks that end it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }

    fn header(&mut self, path: &str, size: usize) {
        let mut block = [0_u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
        put(0, path.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        // The checksum is taken with blanks in its own place.
        put(148, b"        ");
        put(156, b"0");
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
    }
}

/// The bytes in gzip.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    // No flags, no time, no system.
    let mut zipped = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = bytes.chunks(STORED).peekable();
    while let Some(block) = blocks.next() {
        zipped.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).expect("a block is no longer than its length can say");
        zipped.extend_from_slice(&length.to_le_bytes());
        zipped.extend_from_slice(&(!length).to_le_bytes());
        zipped.extend_from_slice(block);
    }
    zipped.extend_from_slice(&crc32(bytes).to_le_bytes());
    let length = u32::try_from(bytes.len()).expect("a layer is small");
    zipped.extend_from_slice(&length.to_le_bytes());
    zipped
}

fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(!0, |sum, byte| TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8))
}

#[expect(clippy::cast_possible_truncation, reason = "256 entries")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut nth = 0;
    while nth < table.len() {
        let (mut value, mut bit) = (nth as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[nth] = value;
        nth += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_of_gzip_is_that_of_its_specification() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_zipped_lies_in_stored_blocks_the_last_of_which_says_so() {
        let zipped = gzip(&vec![7; STORED + 3]);
        assert_eq!((zipped[10], &zipped[11..15]), (0, [0xff, 0xff, 0, 0].as_slice()));
        let second = 15 + STORED;
        assert_eq!(&zipped[second..second + 8], [1, 3, 0, 0xfc, 0xff, 7, 7, 7]);
        assert_eq!(zipped.len(), second + 8 + 8);
    }

    #[test]
    fn an_archive_is_made_of_blocks_with_sums_that_hold() {
        let mut tar = Tar::default();
        tar.file("etc/os-release", b"ID=debian\n");
        let bytes = tar.finish();
        assert_eq!(bytes.len(), 4 * BLOCK);
        assert_eq!(
            (&bytes[..15], &bytes[124..136], &bytes[512..522]),
            (b"etc/os-release\0".as_slice(), b"00000000012\0".as_slice(), b"ID=debian\n".as_slice())
        );
        let stated = u32::from_str_radix(std::str::from_utf8(&bytes[148..154]).unwrap(), 8).unwrap();
        let sum: u32 = bytes[..BLOCK]
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
            .sum();
        assert_eq!(stated, sum);
    }
}
