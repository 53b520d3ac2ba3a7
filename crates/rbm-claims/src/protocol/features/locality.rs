//! How local receptive fields are: a number that tells strokes from noise.

use rbm_data::ImageShape;
use rbm_model::{Error, Parameters};
use rbm_random::{Sequence, Stream};

/// Mean over the hidden units of the share of a unit's squared weights that lies within its best window of `side` x
/// `side` pixels, 0 to 1.
///
/// A field that is spread evenly has the share of the window in the picture, and one that fits a window has 1. The best
/// of all windows of noise has more than the window's share, and so have pixels in the middle of a picture whose edges
/// never light: beside it stands the same for [`dealt_anew`].
pub(super) fn field_locality(parameters: &Parameters, image: ImageShape, side: usize) -> f64 {
    let shares = (0..parameters.hidden()).map(|unit| best_window_share(parameters.weights_of(unit), image, side));
    shares.sum::<f64>() / parameters.hidden() as f64
}

/// The same weights, those of each pixel dealt anew among the hidden units.
///
/// Every pixel keeps its weights, so that where a picture's weights are large stays as it was; which pixels go together
/// in one unit does not.
///
/// # Errors
/// Never for parameters that are some already.
pub(super) fn dealt_anew(parameters: &Parameters, seed: u64) -> Result<Parameters, Error> {
    let mut by_pixel = parameters.transposed().weights().to_vec(); // [visible, hidden]
    for (pixel, weights) in by_pixel.chunks_exact_mut(parameters.hidden()).enumerate() {
        Sequence::new(seed, Stream::Shuffle, pixel as u64).shuffle(weights);
    }
    let (visible_bias, hidden_bias) = (parameters.visible_bias().to_vec(), parameters.hidden_bias().to_vec());
    Ok(Parameters::new(by_pixel, hidden_bias, visible_bias)?.transposed())
}

/// Largest share of the sum of squares in a window, which is cut to the picture; of a field of zeros the share of the
/// window in the picture.
fn best_window_share(field: &[f64], image: ImageShape, side: usize) -> f64 {
    let ImageShape { height, width } = image;
    let (tall, wide) = (side.min(height), side.min(width));
    // sums[y][x]: squares above line y and left of column x.
    let mut sums = vec![0.0; (height + 1) * (width + 1)];
    let at = |y: usize, x: usize| y * (width + 1) + x;
    for y in 0..height {
        for x in 0..width {
            let square = field[y * width + x].powi(2);
            sums[at(y + 1, x + 1)] = square + sums[at(y, x + 1)] + sums[at(y + 1, x)] - sums[at(y, x)];
        }
    }
    let total = sums[at(height, width)];
    if total == 0.0 {
        return (tall * wide) as f64 / (height * width) as f64;
    }
    let corners = (0..=height - tall).flat_map(|y| (0..=width - wide).map(move |x| (y, x)));
    let within = corners
        .map(|(y, x)| sums[at(y + tall, x + wide)] - sums[at(y, x + wide)] - sums[at(y + tall, x)] + sums[at(y, x)]);
    within.fold(0.0, f64::max) / total
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: ImageShape = ImageShape { height: 4, width: 5 };

    #[test]
    fn best_window_holds_the_share_that_was_put_there() {
        let mut field = vec![0.0; 20];
        [7, 8, 12, 13].into_iter().for_each(|pixel| field[pixel] = -2.0); // lines 1 and 2, columns 2 and 3
        assert_eq!(best_window_share(&field, IMAGE, 2), 1.0);
        field[15] = 4.0; // the lower left corner: as much again
        assert_eq!(best_window_share(&field, IMAGE, 2), 0.5);
        assert_eq!(best_window_share(&field, IMAGE, 9), 1.0, "a window as large as the picture");
        assert_eq!(best_window_share(&[3.0; 20], IMAGE, 2), 0.2);
        assert_eq!(best_window_share(&[0.0; 20], IMAGE, 2), 0.2);
    }

    #[test]
    fn dealing_anew_keeps_each_pixels_weights_and_takes_the_locality() {
        // Unit j has its weights in one window: locality 1, and sizes that tell whose they were.
        let mut weights = vec![0.0; 60 * 20];
        for unit in 0..60 {
            let corner = [0, 3, 10, 13][unit % 4];
            for pixel in [corner, corner + 1, corner + 5, corner + 6] {
                weights[unit * 20 + pixel] = 1.0 + unit as f64 / 100.0;
            }
        }
        let trained = Parameters::new(weights, vec![0.0; 20], vec![0.0; 60]).expect("a machine");
        let shuffled = dealt_anew(&trained, 3).expect("a machine");
        let sorted = |parameters: &Parameters, pixel: usize| {
            let mut weights: Vec<f64> = (0..60).map(|unit| parameters.weights_of(unit)[pixel]).collect();
            weights.sort_by(f64::total_cmp);
            weights
        };
        (0..20).for_each(|pixel| assert_eq!(sorted(&trained, pixel), sorted(&shuffled, pixel), "pixel {pixel}"));
        assert_eq!(field_locality(&trained, IMAGE, 2), 1.0);
        // Each of 16 pixels, in four windows of 4, is now on in a quarter of the units, independently. A unit with n
        // pixels on has a share below 1 unless all lie in one 2 x 2 window, which with the mean n = 4 is the exception.
        let less = field_locality(&shuffled, IMAGE, 2);
        assert!(less < 0.8, "{less}");
        assert_eq!((shuffled.visible(), shuffled.hidden()), (20, 60));
    }
}
