//! The way of an access record from its worker to the log thread: a wait-free ring of bytes.
//!
//! One ring per worker. The worker owns the [`RecordWriter`] and the log thread the
//! [`RecordReader`]. A record travels as one variable-length message: its length, its fixed
//! fields in little-endian order, its request line. The writer publishes a message with a single
//! store of the ring's tail, so the reader sees all of it or nothing. Pushing never allocates,
//! locks, formats, waits or enters the kernel: a full ring refuses the record and the caller
//! counts it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtrb::{Consumer, Producer, RingBuffer};

use super::record::Record;
use crate::limits;

/// The worker's end.
#[derive(Debug)]
pub struct RecordWriter {
    ring: Producer<u8>,
    message: Box<[u8; MESSAGE_SIZE_MAX]>,
}

/// The log thread's end.
#[derive(Debug)]
pub struct RecordReader {
    ring: Consumer<u8>,
    message: Box<[u8; MESSAGE_SIZE_MAX]>,
}

/// A ring of the usual size, `limits::LOG_RING_BYTES`.
pub fn new() -> (RecordWriter, RecordReader) {
    with_capacity(limits::LOG_RING_BYTES)
}

/// A ring of `bytes`. One that is smaller than a message refuses that message for ever.
pub fn with_capacity(bytes: usize) -> (RecordWriter, RecordReader) {
    let (producer, consumer) = RingBuffer::new(bytes);
    let writer = RecordWriter { ring: producer, message: Box::new([0; MESSAGE_SIZE_MAX]) };
    let reader = RecordReader { ring: consumer, message: Box::new([0; MESSAGE_SIZE_MAX]) };
    (writer, reader)
}

impl RecordWriter {
    /// Copies a record into the ring; `false` when there is no room for all of it, and then the
    /// ring is unchanged. A request line beyond `limits::LOG_REQUEST_LINE` - 1 bytes is cut. Of an
    /// IPv6 address the scope and flow label are not kept: they are not logged.
    #[inline]
    pub fn push(&mut self, record: &Record) -> bool {
        let length = encode(record, &mut self.message);
        self.ring.push_entire_slice(&self.message[..length]).is_ok()
    }
}

impl RecordReader {
    /// Takes the oldest record; `false` when there is none, and then `record` is unchanged.
    pub fn pop(&mut self, record: &mut Record) -> bool {
        let mut length = [0; LENGTH_SIZE];
        let Ok(chunk) = self.ring.read_chunk(LENGTH_SIZE) else { return false };
        let (front, wrapped) = chunk.as_slices();
        length[..front.len()].copy_from_slice(front);
        length[front.len()..].copy_from_slice(wrapped);
        // The chunk is dropped without a commit: the length stays in the ring, part of its message.

        let length = usize::from(u16::from_le_bytes(length));
        let message = &mut self.message[..length];
        self.ring.pop_entire_slice(message).expect("a message is published whole, behind its length");
        decode(message, record);
        true
    }

    /// The worker's end is gone; what is still in the ring can be popped.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

const LENGTH_SIZE: usize = size_of::<u16>();

/// Length, address, three indices, start, five timers, status, bytes, termination, four
/// connection counts, retries and redispatch, two queue positions.
const FIXED_SIZE: usize = LENGTH_SIZE + 19 + 6 + 8 + 20 + 2 + 8 + 4 + 16 + 3 + 8;

const MESSAGE_SIZE_MAX: usize = FIXED_SIZE + limits::LOG_REQUEST_LINE - 1;

const _: () = assert!(MESSAGE_SIZE_MAX <= u16::MAX as usize, "a message's length is a u16");

/// Returns the length of the message, `FIXED_SIZE..=MESSAGE_SIZE_MAX`.
fn encode(record: &Record, message: &mut [u8; MESSAGE_SIZE_MAX]) -> usize {
    let request_line = &record.request_line[..record.request_line.len().min(limits::LOG_REQUEST_LINE - 1)];
    let length = FIXED_SIZE + request_line.len();

    let (family, address) = match record.client.ip() {
        IpAddr::V4(v4) => (4, v4.to_ipv6_mapped().octets()),
        IpAddr::V6(v6) => (6, v6.octets()),
    };
    let mut fields = Encoder { rest: message };
    fields.put((length as u16).to_le_bytes());
    fields.put([family]);
    fields.put(address);
    fields.put(record.client.port().to_le_bytes());
    fields.put(record.listener.to_le_bytes());
    fields.put(record.backend.to_le_bytes());
    fields.put(record.server.to_le_bytes());
    fields.put(record.start_unix_ms.to_le_bytes());
    fields.put(record.request_ms.to_le_bytes());
    fields.put(record.queue_ms.to_le_bytes());
    fields.put(record.connect_ms.to_le_bytes());
    fields.put(record.response_ms.to_le_bytes());
    fields.put(record.active_ms.to_le_bytes());
    fields.put(record.status.to_le_bytes());
    fields.put(record.bytes.to_le_bytes());
    fields.put(record.termination);
    fields.put(record.process_connections.to_le_bytes());
    fields.put(record.listener_connections.to_le_bytes());
    fields.put(record.backend_connections.to_le_bytes());
    fields.put(record.server_connections.to_le_bytes());
    fields.put(record.retries.to_le_bytes());
    fields.put([u8::from(record.redispatched)]);
    fields.put(record.server_queue.to_le_bytes());
    fields.put(record.backend_queue.to_le_bytes());
    fields.rest[..request_line.len()].copy_from_slice(request_line);
    length
}

fn decode(message: &[u8], record: &mut Record) {
    let mut fields = Decoder { rest: message };
    let [_, _] = fields.take();
    let [family] = fields.take();
    let address = Ipv6Addr::from(fields.take::<16>());
    let port = u16::from_le_bytes(fields.take());
    let ip = match (family, address.to_ipv4_mapped()) {
        (4, Some(v4)) => IpAddr::V4(v4),
        (4, None) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => IpAddr::V6(address),
    };
    record.client = SocketAddr::new(ip, port);
    record.listener = u16::from_le_bytes(fields.take());
    record.backend = u16::from_le_bytes(fields.take());
    record.server = u16::from_le_bytes(fields.take());
    record.start_unix_ms = u64::from_le_bytes(fields.take());
    record.request_ms = i32::from_le_bytes(fields.take());
    record.queue_ms = i32::from_le_bytes(fields.take());
    record.connect_ms = i32::from_le_bytes(fields.take());
    record.response_ms = i32::from_le_bytes(fields.take());
    record.active_ms = i32::from_le_bytes(fields.take());
    record.status = i16::from_le_bytes(fields.take());
    record.bytes = u64::from_le_bytes(fields.take());
    record.termination = fields.take();
    record.process_connections = u32::from_le_bytes(fields.take());
    record.listener_connections = u32::from_le_bytes(fields.take());
    record.backend_connections = u32::from_le_bytes(fields.take());
    record.server_connections = u32::from_le_bytes(fields.take());
    record.retries = u16::from_le_bytes(fields.take());
    record.redispatched = fields.take() == [1];
    record.server_queue = u32::from_le_bytes(fields.take());
    record.backend_queue = u32::from_le_bytes(fields.take());
    record.request_line.clear();
    record.request_line.extend_from_slice(fields.rest);
}

struct Encoder<'message> {
    rest: &'message mut [u8],
}

impl Encoder<'_> {
    #[inline]
    fn put<const SIZE: usize>(&mut self, field: [u8; SIZE]) {
        let (place, rest) = std::mem::take(&mut self.rest).split_at_mut(SIZE);
        place.copy_from_slice(&field);
        self.rest = rest;
    }
}

struct Decoder<'message> {
    rest: &'message [u8],
}

impl Decoder<'_> {
    fn take<const SIZE: usize>(&mut self) -> [u8; SIZE] {
        let (field, rest) =
            self.rest.split_first_chunk().expect("no message is shorter than its fixed fields");
        self.rest = rest;
        *field
    }
}

#[cfg(test)]
#[path = "ring/tests.rs"]
mod tests;
