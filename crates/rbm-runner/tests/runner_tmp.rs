use rbm_runner::*;
#[test]
fn tmp() {
    let config =
        Config::load("/work/main/configs/bars-and-stripes.toml".as_ref(), &[]).map_err(|e| e.to_string()).expect("ok");
    let folders = rbm_data::DataFolders { data_dir: None, cache: std::env::temp_dir() };
    let plan = Plan::new(&config, &mut DataSets::quiet(folders.clone())).expect("plan");
    println!("{:?}", plan.estimate(|_| true));
    let dir = tempfile::tempdir().expect("dir");
    let m = |r: &[rbm_eval::MetricRow]| {
        for r in r.iter().rev().filter(|r| r.metric == rbm_eval::Metric::LogLikelihood).take(1) {
            println!("{r:?}");
        }
        Ok(vec![])
    };
    let t = |_: &[TimingRow]| Ok(vec![]);
    let o = WorkerOptions { results: dir.path().into(), folders, retry_failed: false, allow_mixed: false };
    let mut obs = |e: &Event| {
        if let Event::CellFinished { name, outcome, seconds, .. } = e {
            println!("{name} {outcome:?} {seconds}");
        }
    };
    let s =
        run_worker(&plan, None, &o, &StopFlag::new(), &mut obs, TableWriters { metrics: &m, timings: &t }).expect("ok");
    println!("{s:?} {:?}", peak_memory_bytes());
    for c in &plan.cells {
        println!("{} {:?}", c.name, c.estimate());
    }
}
