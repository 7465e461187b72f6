//! Where inputs are cut: places that depend on nothing but the input, so that a finding repeats.

/// Up to twelve places in `data`, in order, the last byte's among them.
pub fn cuts(data: &[u8]) -> Vec<usize> {
    let mut numbers = data
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let mut places: Vec<usize> = (0..11)
        .map(|_| {
            numbers ^= numbers << 13;
            numbers ^= numbers >> 7;
            numbers ^= numbers << 17;
            (numbers % (data.len() as u64 + 1)) as usize
        })
        .collect();
    places.push(data.len().saturating_sub(1));
    places.sort_unstable();
    places.dedup();
    places
}

/// Checks that beginnings of `data` are judged as all of it: not yet, or with the same verdict; and
/// that a verdict is not taken back. `None` stands for not yet.
pub fn check_beginnings<T: PartialEq + std::fmt::Debug>(
    data: &[u8],
    mut judge: impl FnMut(&[u8]) -> Option<T>,
) {
    let whole = judge(data);
    let mut decided = false;
    for cut in cuts(data) {
        let part = judge(&data[..cut]);
        if part.is_some() || decided {
            assert_eq!(part, whole, "the first {cut} bytes of {}", data.len());
            decided = true;
        }
    }
}
