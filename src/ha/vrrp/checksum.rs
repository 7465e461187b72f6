//! The Internet checksum (RFC 1071) and the pseudo-headers that VRRP may put before its message.
//!
//! Called by `packet` and `receive`, and for the header of an IPv4 packet.

use std::net::IpAddr;

/// The sum of a message before it is folded and complemented.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PartialSum(u32);

impl PartialSum {
    /// Adds bytes as 16-bit words; an odd last byte is followed by a zero (RFC 1071). At most 64 KiB in all.
    pub(super) fn add(mut self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<2>();
        for word in words {
            self.0 += u32::from(u16::from_be_bytes(*word));
        }
        if let [last] = rest {
            self.0 += u32::from(*last) << 8;
        }
        self
    }

    /// Adds the pseudo-header of IPv4 (source, destination, zero, protocol, length) or of IPv6 (RFC 8200
    /// section 8.1). Both add up to the same words: the addresses, the protocol, the length.
    pub(super) fn add_pseudo_header(self, source: IpAddr, destination: IpAddr, length: u16) -> Self {
        let add_address = |sum: Self, address: IpAddr| match address {
            IpAddr::V4(address) => sum.add(&address.octets()),
            IpAddr::V6(address) => sum.add(&address.octets()),
        };
        let sum = add_address(add_address(self, source), destination);
        sum.add(&[0, super::PROTOCOL]).add(&length.to_be_bytes())
    }

    /// The checksum to write, or 0 when the bytes added contain a right one.
    pub(super) const fn finish(self) -> u16 {
        let once = (self.0 >> 16) + (self.0 & 0xffff);
        let twice = (once >> 16) + (once & 0xffff);
        !(twice as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_example_of_rfc_1071() {
        let sum = PartialSum::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.finish(), !0xddf2);
    }

    #[test]
    fn an_odd_byte_is_the_upper_half_of_a_word() {
        assert_eq!(PartialSum::default().add(&[0x12]).finish(), !0x1200);
        assert_eq!(PartialSum::default().add(&[]).finish(), 0xffff);
    }

    #[test]
    fn carries_are_folded_until_none_is_left() {
        let ones = [0xff; 1500];
        assert_eq!(PartialSum::default().add(&ones).finish(), 0);
        assert_eq!(PartialSum(0x0001_ffff).finish(), !1);
    }
}
