//! The package database of images that are made of rpm packages: `rpmdb.sqlite`.
//!
//! Owns two formats, as far as this needs them: headers of rpm packages, and a SQLite file (file format 4) of four pages,
//! `Packages` with the headers in one leaf, and `sqlite_sequence`, which its key needs.

use super::packages::Package;

const PAGE: usize = 4096;
/// Bytes of a leaf before its cell pointers.
const LEAF_HEAD: usize = 8;
const FILE_HEAD: usize = 100;

/// A value of a header: its tag, and what is there.
enum Tag<'a> {
    Text(u32, &'a str),
    /// A text that may be translated.
    Translated(u32, &'a str),
    Number(u32, u32),
}

/// A cell of a table: the row, and its columns encoded.
struct Cell {
    row: u64,
    record: Vec<u8>,
}

/// The database of these packages; those that its page has no room for are left out.
pub(super) fn database(packages: &[Package], arch: &str) -> Vec<u8> {
    let mut room = PAGE - LEAF_HEAD;
    let mut cells = Vec::new();
    for (package, row) in packages.iter().zip(1..) {
        let cell = Cell { row, record: record(&[Column::Null, Column::Bytes(&header(package, arch))]) };
        let taken = cell.bytes().len() + 2;
        if taken > room {
            break;
        }
        room -= taken;
        cells.push(cell);
    }
    let count = cells.len() as u64;
    let sequence = Cell { row: 1, record: record(&[Column::Text("Packages"), Column::Number(count)]) };
    let mut file = page(&schema(), FILE_HEAD);
    file[..FILE_HEAD].copy_from_slice(&file_head());
    file.extend(page(&cells, 0));
    file.extend(page(&[sequence], 0));
    file
}

fn schema() -> [Cell; 2] {
    let table = |row, name: &str, root, sql: &str| Cell {
        row,
        record: record(&[
            Column::Text("table"),
            Column::Text(name),
            Column::Text(name),
            Column::Number(root),
            Column::Text(sql),
        ]),
    };
    let packages = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";
    [table(1, "Packages", 2, packages), table(2, "sqlite_sequence", 3, "CREATE TABLE sqlite_sequence(name,seq)")]
}

/// The first hundred bytes of a file of three pages.
fn file_head() -> [u8; FILE_HEAD] {
    let mut head = [0; FILE_HEAD];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"SQLite format 3\0");
    put(16, &4096_u16.to_be_bytes());
    // Rollback journals; no bytes reserved; the fixed fractions of payloads.
    put(18, &[1, 1, 0, 64, 32, 32]);
    // Change counter and size in pages; the same counter at 92 says that the size is valid.
    put(24, &1_u32.to_be_bytes());
    put(28, &3_u32.to_be_bytes());
    put(40, &1_u32.to_be_bytes());
    put(44, &4_u32.to_be_bytes());
    // UTF-8.
    put(56, &1_u32.to_be_bytes());
    put(92, &1_u32.to_be_bytes());
    put(96, &3_040_001_u32.to_be_bytes());
    head
}

/// A leaf of a table. Cells lie from the end on.
fn page(cells: &[Cell], head: usize) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    let mut end = PAGE;
    for (nth, cell) in cells.iter().enumerate() {
        let bytes = cell.bytes();
        end -= bytes.len();
        page[end..end + bytes.len()].copy_from_slice(&bytes);
        let pointer = head + LEAF_HEAD + 2 * nth;
        page[pointer..pointer + 2].copy_from_slice(&short(end));
    }
    page[head] = 13;
    page[head + 3..head + 5].copy_from_slice(&short(cells.len()));
    page[head + 5..head + 7].copy_from_slice(&short(end));
    page
}

fn short(number: usize) -> [u8; 2] {
    u16::try_from(number).expect("a page is smaller than 64 KiB").to_be_bytes()
}

impl Cell {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = varint(self.record.len() as u64);
        bytes.extend(varint(self.row));
        bytes.extend_from_slice(&self.record);
        bytes
    }
}

enum Column<'a> {
    Null,
    Number(u64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A record: the types of its columns, then the columns.
fn record(columns: &[Column<'_>]) -> Vec<u8> {
    let (mut types, mut values) = (Vec::new(), Vec::new());
    for column in columns {
        match column {
            Column::Null => types.extend(varint(0)),
            Column::Number(number) => {
                types.extend(varint(6));
                values.extend_from_slice(&number.to_be_bytes());
            }
            Column::Text(text) => {
                types.extend(varint(13 + 2 * text.len() as u64));
                values.extend_from_slice(text.as_bytes());
            }
            Column::Bytes(bytes) => {
                types.extend(varint(12 + 2 * bytes.len() as u64));
                values.extend_from_slice(bytes);
            }
        }
    }
    // Its own length counts too; all of these are below 128 bytes.
    let mut record = varint(types.len() as u64 + 1);
    record.extend(types);
    record.extend(values);
    record
}

/// Seven bits a byte, the highest first.
fn varint(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = number;
    loop {
        let seven = u8::try_from(rest & 0x7f).expect("seven bits are a byte");
        bytes.insert(0, if bytes.is_empty() { seven } else { seven | 0x80 });
        rest >>= 7;
        if rest == 0 {
            return bytes;
        }
    }
}

/// The header of a package, as it lies in databases: entries, then data, in a region that ends the data.
fn header(package: &Package, arch: &str) -> Vec<u8> {
    let (version, release) = package.version.rsplit_once('-').unwrap_or((package.version, "1"));
    let (epoch, version) = version.split_once(':').map_or((None, version), |(epoch, rest)| (epoch.parse().ok(), rest));
    let source = format!("{}-{version}-{release}.src.rpm", package.source);
    let mut tags = vec![Tag::Text(1000, package.name), Tag::Text(1001, version), Tag::Text(1002, release)];
    tags.extend(epoch.map(|epoch| Tag::Number(1003, epoch)));
    tags.extend([
        Tag::Translated(1004, package.name),
        Tag::Number(1006, 1_790_000_000),
        Tag::Number(1008, 1_795_000_000),
        Tag::Number(1009, 40_960),
        Tag::Text(1011, "Rocky Enterprise Software Foundation"),
        Tag::Text(1014, "MIT"),
        Tag::Text(1022, if package.is_portable() { "noarch" } else { arch }),
        Tag::Text(1044, &source),
    ]);
    encode(&tags)
}

fn encode(tags: &[Tag<'_>]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for tag in tags {
        let (number, kind, bytes): (u32, u32, Vec<u8>) = match tag {
            Tag::Text(number, text) => (*number, 6, [text.as_bytes(), b"\0"].concat()),
            Tag::Translated(number, text) => (*number, 9, [text.as_bytes(), b"\0"].concat()),
            Tag::Number(number, value) => {
                // Numbers lie at multiples of their size.
                data.resize(data.len().next_multiple_of(4), 0);
                (*number, 4, value.to_be_bytes().to_vec())
            }
        };
        entries.extend(entry(number, kind, length(data.len()), 1));
        data.extend(bytes);
    }
    let count = length(tags.len() + 1);
    // The region ends with an entry that points back over all entries.
    let region = entry(63, 7, length(data.len()), 16);
    data.extend(entry(63, 7, (count * 16).wrapping_neg(), 16));
    let sizes = [count.to_be_bytes(), length(data.len()).to_be_bytes()].concat();
    [sizes, region, entries, data].concat()
}

fn entry(tag: u32, kind: u32, offset: u32, count: u32) -> Vec<u8> {
    [tag, kind, offset, count].iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a header is small")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_seven_bits_a_byte() {
        assert_eq!(
            [varint(0), varint(127), varint(128), varint(300)],
            [vec![0], vec![127], vec![0x81, 0], vec![0x82, 0x2c]]
        );
    }

    #[test]
    fn a_database_is_three_pages_with_a_row_for_each_package_there_is_room_for() {
        let package = Package { name: "openssl-libs", source: "openssl", version: "1:3.0.7-27.el9" };
        let file = database(&[package; 100], "x86_64");
        assert_eq!((file.len(), &file[..16]), (3 * PAGE, b"SQLite format 3\0".as_slice()));
        let rows = u16::from_be_bytes([file[PAGE + 3], file[PAGE + 4]]);
        assert!((10..20).contains(&rows), "{rows}");
    }

    #[test]
    fn a_header_states_its_sizes_and_ends_with_its_region() {
        let package = Package { name: "bash", source: "bash", version: "5.1.8-9.el9" };
        let header = header(&package, "aarch64");
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let (entries, data) = (word(0), word(4));
        assert_eq!(header.len(), 8 + 16 * entries as usize + data as usize);
        assert_eq!((word(8), word(header.len() - 16), word(header.len() - 8)), (63, 63, (entries * 16).wrapping_neg()));
    }
}
