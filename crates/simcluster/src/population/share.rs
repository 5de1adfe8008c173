//! Dividing pods by shares, to the pod.
//!
//! Owns the arithmetic: the method of largest remainders, so that parts always add up to the whole.

/// Divides `whole` in proportion to `weights`. The earlier of equal remainders gets the rest.
pub(crate) fn divide<const N: usize>(whole: u32, weights: [u32; N]) -> [u32; N] {
    let sum: u64 = weights.iter().copied().map(u64::from).sum();
    let exact = weights.map(|weight| u64::from(whole) * u64::from(weight));
    let mut parts = exact.map(|part| u32::try_from(part / sum).expect("a part is not larger than the whole"));
    let mut order: Vec<usize> = (0..N).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(exact[index] % sum));
    let missing = whole - parts.iter().sum::<u32>();
    for index in order.into_iter().take(missing as usize) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rest_goes_to_the_largest_remainders() {
        assert_eq!(divide(10, [94, 2, 3, 1]), [10, 0, 0, 0]);
        assert_eq!(divide(7, [50, 25, 25]), [3, 2, 2]);
    }

    proptest! {
        #[test]
        fn parts_add_up_and_are_within_one_of_their_share(whole in 0_u32..200_000) {
            let weights = [60, 15, 10, 8, 3, 2, 2];
            let parts = divide(whole, weights);
            prop_assert_eq!(parts.iter().sum::<u32>(), whole);
            for (part, weight) in parts.iter().zip(weights) {
                prop_assert!((f64::from(*part) - f64::from(whole * weight) / 100.0).abs() <= 1.0);
            }
        }
    }
}
