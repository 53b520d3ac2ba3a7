//! Which cells are computed side by side.

use rbm_eval::LogZ;
use rbm_ops::{BackendName, Kernels};

use crate::{config::Count, identity::kernels_of, plan::Cell};

/// Cells of a batch where the number is left to us, on a GPU.
const ON_A_GPU: usize = 64;
/// Bytes of parameters that a batch holds at most, where the number is left to us.
const BYTES: usize = 1 << 30;

/// How many cells like this one are computed side by side at most.
pub(super) fn most(cell: &Cell) -> usize {
    let run = &cell.config.run;
    // Chains that follow a training look at each of its steps.
    if kernels_of(&cell.config) != Kernels::Fused || cell.config.evaluate.log_z == LogZ::Trajectory {
        return 1;
    }
    let weights = 4 * (cell.data.visible + 1) * (cell.config.model.hidden + 1);
    match (run.batch_cells, run.backend) {
        (Count::Number(number), _) => number,
        // On the processor cells side by side win nothing: workers share its cores.
        (Count::Auto, BackendName::Flex | BackendName::NdArray) => 1,
        // Parameters, the last update, and what the step needs.
        (Count::Auto, BackendName::Wgpu(_)) => ON_A_GPU.min(BYTES / (3 * weights)).max(1),
    }
}

/// Groups cells that can be computed side by side: of one shape, on the same rows, in batches of the same size. What is
/// left over stands alone; the order is that of the first of each group.
pub(super) fn batches<'a>(cells: &[&'a Cell], alone: &[usize]) -> Vec<Vec<&'a Cell>> {
    let mut batches: Vec<Vec<&Cell>> = Vec::new();
    for cell in cells {
        let most = if alone.contains(&cell.index) { 1 } else { most(cell) };
        let fits = |batch: &&mut Vec<&Cell>| {
            let first = batch[0];
            most > 1 && batch.len() < most && !alone.contains(&first.index) && side_by_side(first, cell)
        };
        match batches.iter_mut().find(fits) {
            Some(batch) => batch.push(cell),
            None => batches.push(vec![cell]),
        }
    }
    batches
}

fn side_by_side(one: &Cell, other: &Cell) -> bool {
    let (a, b) = (&one.config, &other.config);
    let train = (&a.train, &b.train);
    a.data == b.data
        && a.run.backend == b.run.backend
        && a.model.hidden == b.model.hidden
        && most(one) == most(other)
        && train.0.algorithm == train.1.algorithm
        && train.0.batch_size == train.1.batch_size
        && train.0.chains == train.1.chains
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rbm_data::DataFolders;

    use super::*;
    use crate::{config::Config, data_sets::DataSets, plan::Plan};

    const CONFIG: &str = "schema = 1\nname = \"x\"\n[data]\nsource = \"bars-and-stripes\"\n[model]\nhidden = 4\n";

    /// How many cells stand in each batch.
    fn sizes(sweep: &str, sets: &[&str], alone: &[usize]) -> Vec<usize> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let config = Config::parse(&format!("{CONFIG}[sweep]\n{sweep}\n"), Path::new("x.toml"), &sets).expect("valid");
        let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
        let plan = Plan::new(&config, &mut DataSets::quiet(folders)).expect("cells");
        batches(&plan.cells.iter().collect::<Vec<_>>(), alone).iter().map(Vec::len).collect()
    }

    #[test]
    fn cells_of_one_shape_go_together_and_others_do_not() {
        let many = ["run.batch_cells=64"];
        assert_eq!(sizes("seeds = 5", &[], &[]), [1; 5], "on the processor cells are computed one by one");
        let mixed = "seeds = 2\n\"train.k\" = [1, 3]\n\"train.learning_rate\" = [0.1, 0.2]\n\"train.epochs\" = [2, 3]";
        assert_eq!(sizes(mixed, &many, &[]), [16]);
        assert_eq!(sizes("seeds = 7", &["run.batch_cells=3"], &[]), [3, 3, 1]);
        assert_eq!(sizes("seeds = 4", &many, &[1, 2]), [2, 1, 1], "those in which a worker crashed stand alone");
        for key in [
            "\"model.hidden\" = [3, 4]",
            "\"train.batch_size\" = [4, 8]",
            "\"train.algorithm\" = [\"cd\", \"pcd\"]",
            "\"data.size\" = [3, 4]",
        ] {
            assert_eq!(sizes(&format!("seeds = 2\n{key}"), &many, &[]), [2, 2], "{key}");
        }
        for set in ["train.precision=f64", "run.kernels=composed", "train.algorithm=exact", "evaluate.log_z=trajectory"]
        {
            assert_eq!(sizes("seeds = 2", &["run.batch_cells=64", set], &[]), [1, 1], "{set}");
        }
    }
}
