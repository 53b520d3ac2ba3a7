//! Where results of claims lie: `RESULTS/reproduce/<profile>/`, and `RESULTS/reproduce/<folder>/<profile>/` of claims
//! of one's own in a folder of that name.
//!
//! ```text
//! report.html                the page, where all claims of the profile were tested
//! <claim>.html               where this one alone was; several.html: where some were
//! verdicts.json  figures/<claim>-<figure>.svg
//! <claim>/<protocol>.jsonl   a header with what decided the numbers, then a measurement a line
//! <claim>/<protocol>.images.json
//! <claim>/<protocol>/<cell>.jsonl   the same of a protocol that takes the cells one by one
//! ```

use std::path::{Path, PathBuf};

use rbm_report::{ImageGrid, ImageRange};
use rbm_store::{sha256_of_bytes, write_atomically};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Measurement, Profile,
    protocol::{Output, Protocol},
};

/// Version of the format of protocols' results.
const SCHEMA: u32 = 1;

/// The first line of a protocol's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: u32,
    protocol: String,
    /// SHA-256 of what decides the numbers.
    key: String,
    /// How long it took.
    seconds: f64,
    /// The largest memory of the process by its end.
    #[serde(default)]
    peak_memory_bytes: u64,
    /// How many measurements and pictures follow, so that a file that was cut at the end of a line is not believed.
    #[serde(default)]
    measurements: Option<usize>,
    #[serde(default)]
    pictures: Option<usize>,
}

/// A picture as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Picture {
    name: String,
    height: usize,
    width: usize,
    /// Full colour of a diverging grid, or else black and white.
    largest: Option<f32>,
    grey: Option<(f32, f32)>,
    images: Vec<Vec<f32>>,
}

/// The folder of a profile's results.
#[derive(Clone, Debug)]
pub struct ClaimsFolder {
    path: PathBuf,
}

/// What a protocol took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// How long it took.
    pub seconds: f64,
    /// The largest memory of the process by its end.
    pub peak_memory_bytes: u64,
}

impl Cost {
    /// Of both, one after the other.
    pub fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            peak_memory_bytes: self.peak_memory_bytes.max(other.peak_memory_bytes),
        }
    }
}

/// A protocol's results, read again.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What was found.
    pub output: Output,
    /// What it took.
    pub cost: Cost,
}

impl ClaimsFolder {
    /// The folder below the results; it need not exist.
    pub fn of(results: &Path, profile: Profile) -> Self {
        Self { path: results.join("reproduce").join(profile.word()) }
    }

    /// That of claims of one's own, in a folder of experiments of this name.
    pub fn of_own(results: &Path, experiments: &str, profile: Profile) -> Self {
        Self { path: results.join("reproduce").join(experiments).join(profile.word()) }
    }

    /// Makes the folder: before hours of computing, whose results it is to hold.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn create(&self) -> Result<(), Error> {
        std::fs::create_dir_all(&self.path).map_err(|error| Error::File {
            action: "create",
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a protocol's results lie.
    pub fn measurements(&self, claim: &str, protocol: &str) -> PathBuf {
        self.path.join(claim).join(format!("{protocol}.jsonl"))
    }

    /// The file of a protocol's results, or the folder of those of its cells, whichever is there.
    pub fn evidence(&self, claim: &str, protocol: &str) -> Option<PathBuf> {
        [self.measurements(claim, protocol), self.path.join(claim).join(protocol)]
            .into_iter()
            .find(|path| path.exists())
    }

    fn pictures(&self, claim: &str, protocol: &str) -> PathBuf {
        self.path.join(claim).join(format!("{protocol}.images.json"))
    }

    /// A protocol's results, if they are there, whole and of the same key.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn read(&self, claim: &str, protocol: &str, key: &str) -> Result<Option<Stored>, Error> {
        let path = self.measurements(claim, protocol);
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
        let broken = |line: usize, error: serde_json::Error| Error::File {
            action: "read",
            path: path.clone(),
            reason: format!("line {}: {error}; remove the file to have it computed anew", line + 1),
        };
        let mut lines = text.lines().enumerate();
        let Some((_, first)) = lines.next() else { return Ok(None) };
        let header: Header = serde_json::from_str(first).map_err(|error| broken(0, error))?;
        if header.schema != SCHEMA || header.key != key || header.protocol != protocol {
            return Ok(None);
        }
        let measurements = lines
            .map(|(line, text)| serde_json::from_str::<Measurement>(text).map_err(|error| broken(line, error)))
            .collect::<Result<Vec<_>, _>>()?;
        let images = self.read_pictures(claim, protocol)?;
        if header.measurements != Some(measurements.len()) || header.pictures != Some(images.len()) {
            return Ok(None);
        }
        let cost = Cost { seconds: header.seconds, peak_memory_bytes: header.peak_memory_bytes };
        Ok(Some(Stored { output: Output { measurements, images }, cost }))
    }

    /// Writes a protocol's results: pictures first, so that results that are there are whole.
    ///
    /// # Errors
    /// When the disk refuses, or a number is not finite.
    pub fn write(&self, claim: &str, protocol: &str, key: &str, cost: Cost, output: &Output) -> Result<(), Error> {
        let path = self.measurements(claim, protocol);
        let failed = |reason: String| Error::File { action: "write", path: path.clone(), reason };
        if let Some(one) = output.measurements.iter().find(|one| !one.value.is_finite()) {
            return Err(failed(format!("{} is {}", one.quantity, one.value)));
        }
        let header = Header {
            schema: SCHEMA,
            protocol: protocol.to_owned(),
            key: key.to_owned(),
            seconds: cost.seconds,
            peak_memory_bytes: cost.peak_memory_bytes,
            measurements: Some(output.measurements.len()),
            pictures: Some(output.images.len()),
        };
        let mut text = line(&header).map_err(|error| failed(error.to_string()))?;
        for measurement in &output.measurements {
            text.push_str(&line(measurement).map_err(|error| failed(error.to_string()))?);
        }
        std::fs::create_dir_all(path.parent().unwrap_or(&self.path)).map_err(|error| failed(error.to_string()))?;
        if output.images.is_empty() {
            // Those of an earlier result would be counted to this one.
            let _ = std::fs::remove_file(self.pictures(claim, protocol));
        } else {
            let pictures: Vec<Picture> = output.images.iter().map(|(name, grid)| Picture::of(name, grid)).collect();
            let bytes = serde_json::to_vec(&pictures).map_err(|error| failed(error.to_string()))?;
            write_atomically(&self.pictures(claim, protocol), &bytes)?;
        }
        Ok(write_atomically(&path, text.as_bytes())?)
    }

    /// Writes a file of the whole: the page, a figure.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(folder).map_err(|error| Error::File {
            action: "write",
            path: path.clone(),
            reason: error.to_string(),
        })?;
        Ok(write_atomically(&path, bytes)?)
    }

    fn read_pictures(&self, claim: &str, protocol: &str) -> Result<Vec<(String, ImageGrid)>, Error> {
        let path = self.pictures(claim, protocol);
        let Ok(bytes) = std::fs::read(&path) else { return Ok(Vec::new()) };
        let pictures: Vec<Picture> = serde_json::from_slice(&bytes).map_err(|error| Error::File {
            action: "read",
            path,
            reason: error.to_string(),
        })?;
        Ok(pictures.into_iter().map(Picture::into_grid).collect())
    }
}

/// SHA-256 of what decides a protocol's numbers.
pub(crate) fn key(
    protocol: &Protocol,
    parameters: &toml::Table,
    cells: impl Iterator<Item = String>,
    numerics: u32,
) -> String {
    let cells: Vec<String> = cells.collect();
    let (name, version, cells) = (protocol.name, protocol.version, cells.join("\n"));
    sha256_of_bytes(format!("{SCHEMA}\n{numerics}\n{name} {version}\n{parameters}\n{cells}").as_bytes())
}

impl Picture {
    fn of(name: &str, grid: &ImageGrid) -> Self {
        let (largest, grey) = match grid.range {
            ImageRange::Diverging { largest } => (Some(largest), None),
            ImageRange::Grey { low, high } => (None, Some((low, high))),
        };
        let (name, images) = (name.to_owned(), grid.images.clone());
        Self { name, height: grid.height, width: grid.width, largest, grey, images }
    }

    fn into_grid(self) -> (String, ImageGrid) {
        let range = match (self.largest, self.grey) {
            (Some(largest), _) => ImageRange::Diverging { largest },
            (None, grey) => {
                let (low, high) = grey.unwrap_or((0.0, 1.0));
                ImageRange::Grey { low, high }
            }
        };
        (self.name, ImageGrid { height: self.height, width: self.width, images: self.images, range })
    }
}

/// A line of JSON.
fn line(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::PROTOCOLS;

    #[test]
    fn a_key_tells_protocols_versions_parameters_and_cells_apart() {
        let protocol = |name, version| Protocol { name, version, ..PROTOCOLS[0] };
        let key = |protocol: &Protocol, parameters: &str, cells: &[&str]| {
            let cells = cells.iter().map(|&cell| cell.to_owned());
            key(protocol, &parameters.parse().expect("TOML"), cells, 1)
        };
        let keys = [
            key(&protocol("a", 1), "", &[]),
            key(&protocol("a", 2), "", &[]),
            key(&protocol("b", 1), "", &[]),
            key(&protocol("a", 1), "x = 1", &[]),
            key(&protocol("a", 1), "", &["cell"]),
            key(&protocol("a", 1), "", &["cell", "another"]),
        ];
        for (index, one) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(one), "the key {index} is that of another");
        }
        assert_eq!(key(&protocol("a", 1), "x = 1", &["cell"]), key(&protocol("a", 1), "x=1", &["cell"]));
    }
}
