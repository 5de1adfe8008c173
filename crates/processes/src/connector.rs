//! The kernel's process connector: who executes what, told as it happens.
//!
//! Owns the socket and the form of its messages (Documentation/driver-api/connector.rst, linux/cn_proc.h). What is
//! done about an event is `events`' job.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

/// 76 bytes a message and 200 to 300 bytes of the kernel's own: about 25,000 events, a second of a fork bomb.
const RECEIVE_BUFFER: usize = 8 << 20;

/// The kernel answers at once or, outside the initial namespaces, never.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(1);

const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;

/// A socket that the kernel delivers process events to.
#[derive(Debug)]
pub(crate) struct Connector {
    socket: OwnedFd,
    /// Size of the receive buffer that was obtained, as the kernel counts it.
    pub(crate) buffer_bytes: usize,
}

/// The connector cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectorError {
    #[error("failed to open a netlink socket of the process connector")]
    Open(#[source] io::Error),
    #[error("failed to ask the process connector to listen")]
    Listen(#[source] io::Error),
    #[error("the process connector did not answer within 1 s: it needs the initial user, network and pid namespaces")]
    Silent,
    #[error("the process connector refused to listen: it needs CAP_NET_ADMIN before Linux 6.6")]
    Refused(#[source] io::Error),
    #[error("failed to receive from the process connector")]
    Receive(#[source] io::Error),
}

/// One message, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    /// Counts the events of one CPU.
    sequence: u32,
    /// One more than that of the question; 0 in events.
    acknowledges: u32,
    cpu: u32,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The answer to LISTEN or IGNORE, with an error number or 0.
    Answer(u32),
    /// This process executes another program.
    Exec(u32),
    /// This process has ended.
    Exit(u32),
    /// A fork, a change of ids, the end of a mere thread …
    Other,
}

/// What a receive brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Message(Message),
    /// Nothing more for now.
    Nothing,
    /// The buffer was full: an unknown number of messages is lost, which the next sequence numbers will tell.
    Overrun,
    /// Something that is not from the kernel, or of no known form.
    Foreign,
}

/// Notices missing messages by the sequence number of each CPU.
#[derive(Debug, Default)]
pub(crate) struct Sequences(HashMap<u32, u32>);

impl Connector {
    /// Opens the socket and waits until the kernel has agreed to deliver.
    pub(crate) fn listen(question: u32) -> Result<Self, ConnectorError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let open = |error: Errno| ConnectorError::Open(error.into());
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(netlink::CONNECTOR))
                .map_err(open)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, CN_IDX_PROC)).map_err(open)?;
        // Going over the system's limit needs CAP_NET_ADMIN; without it the limit is what there is.
        sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER))
            .map_err(open)?;
        let buffer_bytes = sockopt::socket_recv_buffer_size(&socket).map_err(open)?;
        let connector = Self { socket, buffer_bytes };
        connector.send(LISTEN, question).map_err(|error| ConnectorError::Listen(error.into()))?;
        connector.await_answer(question.wrapping_add(1))?;
        Ok(connector)
    }

    /// Tells the kernel that nobody listens any more.
    pub(crate) fn ignore(&self, question: u32) {
        // Closing the socket says the same, a little later.
        let _ = self.send(IGNORE, question);
    }

    /// Waits until something can be received, or for `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<(), ConnectorError> {
        let timeout = Timespec::try_from(timeout).expect("timeouts here are seconds");
        match poll(&mut [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(ConnectorError::Receive(error.into())),
        }
    }

    /// Takes one message, without waiting.
    pub(crate) fn receive(&self) -> Result<Received, ConnectorError> {
        let mut buffer = [0; 1024];
        match rustix::net::recvfrom(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((_, length, from)) => {
                let from_kernel = from.is_some_and(|address| {
                    SocketAddrNetlink::try_from(address).is_ok_and(|address| address.pid() == 0)
                });
                let message = Message::parse(&buffer[..length.min(buffer.len())]).filter(|_| from_kernel);
                Ok(message.map_or(Received::Foreign, Received::Message))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(Received::Nothing),
            Err(Errno::NOBUFS) => Ok(Received::Overrun),
            Err(error) => Err(ConnectorError::Receive(error.into())),
        }
    }

    fn await_answer(&self, acknowledges: u32) -> Result<(), ConnectorError> {
        // Other events may come in between: each wait is short, and their number is bounded.
        const STEP: Duration = Duration::from_millis(50);
        let steps = ACCEPTED_WITHIN.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            self.wait(STEP)?;
            loop {
                match self.receive()? {
                    Received::Message(Message { what: What::Answer(0), acknowledges: of, .. })
                        if of == acknowledges =>
                    {
                        return Ok(());
                    }
                    Received::Message(Message { what: What::Answer(error), acknowledges: of, .. })
                        if of == acknowledges =>
                    {
                        return Err(ConnectorError::Refused(io::Error::from_raw_os_error(error.cast_signed())));
                    }
                    Received::Nothing => break,
                    Received::Message(_) | Received::Overrun | Received::Foreign => {}
                }
            }
        }
        Err(ConnectorError::Silent)
    }

    fn send(&self, operation: u32, question: u32) -> Result<(), Errno> {
        const NLMSG_DONE: u16 = 3;
        const LENGTH: u16 = 40;
        let mut message = Vec::with_capacity(usize::from(LENGTH));
        // struct nlmsghdr: length, type and flags, sequence, sender.
        message.extend(u32::from(LENGTH).to_ne_bytes());
        message.extend(NLMSG_DONE.to_ne_bytes());
        message.extend(0_u16.to_ne_bytes());
        message.extend([0; 8]);
        // struct cn_msg: id, sequence, acknowledgment, length of the data, flags; then the operation.
        message.extend([CN_IDX_PROC, CN_VAL_PROC, 0, question].map(u32::to_ne_bytes).concat());
        message.extend(4_u16.to_ne_bytes());
        message.extend(0_u16.to_ne_bytes());
        message.extend(operation.to_ne_bytes());
        rustix::net::sendto(&self.socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).map(drop)
    }
}

impl Message {
    /// Takes a netlink message of the process connector apart; `None` if it has no known form.
    fn parse(bytes: &[u8]) -> Option<Self> {
        // 16 bytes of nlmsghdr, 20 of cn_msg, then struct proc_event: what, cpu, time in 8 bytes, the event's data.
        let word =
            |at: usize| bytes.get(at..at + 4).map(|word| u32::from_ne_bytes(word.try_into().expect("four bytes")));
        if (word(16)?, word(20)?) != (CN_IDX_PROC, CN_VAL_PROC) {
            return None;
        }
        let (sequence, acknowledges, what, cpu) = (word(24)?, word(28)?, word(36)?, word(40)?);
        let what = match what {
            0 => What::Answer(word(52)?),
            // Both carry the thread and its process.
            0x0000_0002 => What::Exec(word(56)?),
            0x8000_0000 if word(52)? == word(56)? => What::Exit(word(56)?),
            _ => What::Other,
        };
        Some(Self { sequence, acknowledges, cpu, what })
    }
}

impl Sequences {
    /// Messages of this CPU that are missing before this one.
    pub(crate) fn missing_before(&mut self, message: &Message) -> u64 {
        // Older kernels answer outside of the count, and say so by a CPU that is none.
        if message.cpu == u32::MAX {
            return 0;
        }
        let last = self.0.insert(message.cpu, message.sequence);
        // The counter of a CPU wraps around.
        last.map_or(0, |last| u64::from(message.sequence.wrapping_sub(last).wrapping_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sequence: u32, what: u32, cpu: u32, data: [u32; 2]) -> Vec<u8> {
        let words = [76, 0, 0, 0, 1, 1, sequence, 0, 40, what, cpu, 7, 7, data[0], data[1], 0, 0, 0, 0];
        words.map(u32::to_ne_bytes).concat()
    }

    #[test]
    fn an_exec_names_the_process_not_the_thread() {
        let expected = Message { sequence: 9, acknowledges: 0, cpu: 1, what: What::Exec(41) };
        assert_eq!(Message::parse(&message(9, 2, 1, [42, 41])), Some(expected));
    }

    #[test]
    fn the_end_of_a_thread_is_not_the_end_of_its_process() {
        let what = |data| Message::parse(&message(9, 0x8000_0000, 1, data)).map(|message| message.what);
        assert_eq!(what([42, 41]), Some(What::Other));
        assert_eq!(what([41, 41]), Some(What::Exit(41)));
    }

    #[test]
    fn a_short_message_or_one_of_another_connector_is_foreign() {
        assert_eq!(Message::parse(&message(9, 2, 1, [1, 1])[..50]), None);
        assert_eq!(Message::parse(&[0; 76]), None);
    }

    #[test]
    fn gaps_are_counted_by_cpu_and_over_the_wrap_around() {
        let mut sequences = Sequences::default();
        let mut missing =
            |cpu, sequence| sequences.missing_before(&Message { sequence, acknowledges: 0, cpu, what: What::Other });
        let counted = [missing(0, u32::MAX), missing(1, 5), missing(0, 0), missing(0, 4), missing(1, 6)];
        assert_eq!(counted, [0, 0, 0, 3, 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_reading_a_message_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..100)) {
            let _ = Message::parse(&bytes);
        }
    }
}
