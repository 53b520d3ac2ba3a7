//! Starting parameters.

use rbm_random::{Sequence, Stream};

use crate::{Error, Init, ModelConfig, Parameters, VisibleBias};

/// Starting parameters by a config, for data whose units have the given means `[visible]`.
///
/// `stored` is what `init` names where it names a file; drawn parameters do not depend on anything but the config, the
/// sizes and the seed.
///
/// # Errors
/// When the stored parameters do not have the config's and the data's sizes, or `init` names a file and none is given.
pub fn initialise(
    config: &ModelConfig,
    means: &[f64],
    rows: usize,
    stored: Option<&Parameters>,
    seed: u64,
) -> Result<Parameters, Error> {
    let (m, n) = (means.len(), config.hidden);
    if let Init::File(path) = &config.init {
        let stored = stored.ok_or_else(|| Error::Shape(format!("the weights of {} were not read", path.display())))?;
        if (stored.visible(), stored.hidden()) != (m, n) {
            return Err(Error::Shape(format!(
                "{} holds {} visible and {} hidden units, but the data have {m} and `hidden` is {n}",
                path.display(),
                stored.visible(),
                stored.hidden()
            )));
        }
        return Ok(stored.clone());
    }
    let mut sequence = Sequence::new(seed, Stream::Initialization, 0);
    let mut draw = || match config.init {
        Init::Uniform => config.init_range * (2.0 * sequence.uniform() - 1.0),
        Init::Normal | Init::File(_) => config.init_std * sequence.normal(),
    };
    let weights = (0..n * m).map(|_| draw()).collect();
    let mut visible_bias: Vec<f64> = (0..m).map(|_| if config.init_biases { draw() } else { 0.0 }).collect();
    let hidden_bias = (0..n).map(|_| if config.init_biases { draw() } else { 0.0 }).collect();
    if config.visible_bias == VisibleBias::Data {
        visible_bias = means.iter().map(|&mean| log_odds(mean, rows as f64)).collect();
    }
    Parameters::new(weights, visible_bias, hidden_bias)
}

/// Log-odds of `(count + 0.05 N) / (1.1 N)`: finite for a unit that is always on or always off.
fn log_odds(mean: f64, rows: f64) -> f64 {
    let p = (mean * rows + 0.05 * rows) / (1.1 * rows);
    (p / (1.0 - p)).ln()
}
