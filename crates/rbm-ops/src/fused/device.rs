//! Machines of equal shape on one GPU device, trained side by side.
//!
//! A step of CD-k is 2k + 2 launches, one of PCD-k 2k + 3, whatever the number of machines; nothing is read back.
//! States are packed: unit `i` of a row is bit `i % 32` of its word `i / 32`, and bits beyond the last unit are 0.

mod kernels;

use burn::backend::Cube;
use burn::tensor::{DType, Int, Shape, Tensor};
use burn_cubecl::cubecl::prelude::{BufferArg, Client, CubeCount, CubeDim};
use burn_cubecl::ops::numeric::{empty_device_contiguous_dtype, zeros_client};
use burn_cubecl::{CubeDevice, kernel::into_contiguous, tensor::CubeTensor};
use rbm_random::{Draw, Stream};

use kernels::{CELL_WORDS, HalfStep, THREADS, Tile, Update};

/// How much of a product one workgroup of the device computes.
///
/// The numbers do not depend on it, only the speed: small tiles keep a device busy with one machine, large ones read
/// less from memory for each number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TileSize {
    /// By the amount of work.
    #[default]
    Auto,
    /// 32 rows by 64 columns.
    Small,
    /// 64 rows by 64 columns.
    Medium,
    /// 64 rows by 128 columns.
    Large,
}

/// Workgroups of medium tiles from which on they are chosen: some times the multiprocessors of a large GPU. Large tiles
/// were slower than medium ones at any size (measured on an H200, docs/decisions.md).
const ENOUGH_WORKGROUPS: usize = 512;

impl TileSize {
    fn tile(self, rows: usize, columns: usize, cells: usize) -> Tile {
        const SMALL: Tile = Tile { height: 4, quads: 1 };
        const MEDIUM: Tile = Tile { height: 8, quads: 1 };
        const LARGE: Tile = Tile { height: 8, quads: 2 };
        let is_enough =
            |tile: Tile| rows.div_ceil(tile.rows()) * columns.div_ceil(tile.columns()) * cells >= ENOUGH_WORKGROUPS;
        match self {
            Self::Small => SMALL,
            Self::Medium => MEDIUM,
            Self::Large => LARGE,
            Self::Auto if is_enough(MEDIUM) => MEDIUM,
            Self::Auto => SMALL,
        }
    }
}

/// What one step of one machine does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellStep {
    /// Seed of the machine's run.
    pub seed: u64,
    /// Gibbs steps that its training took before.
    pub gibbs_step: u64,
    /// Gibbs steps of this step, at least 1.
    pub k: u32,
    /// Learning rate, the batch's share of a full one included.
    pub rate: f32,
    /// Share of the last update in this one; at 0 there is no last update.
    pub momentum: f32,
    /// Weight decay.
    pub decay: f32,
    /// Whether the machine takes part; its parameters and chains stay as they are otherwise.
    pub active: bool,
}

/// The last update of every machine, laid out as the parameters.
#[derive(Debug)]
struct LastUpdate {
    weights: CubeTensor,
    biases: CubeTensor,
}

/// What the device holds of the machines' [`CellStep`]s, and how many steps it has been valid for.
#[derive(Debug)]
struct Uploaded {
    cells: Vec<CellStep>,
    words: CubeTensor,
    advance: u32,
}

/// Machines of equal shape on one GPU device, trained side by side ("cells").
///
/// A machine's numbers do not depend on the others', nor on how many there are.
#[derive(Debug)]
pub struct DeviceMachines {
    device: CubeDevice,
    cells: usize,
    visible: usize,
    hidden: usize,
    tiles: TileSize,
    /// `[cells, hidden, visible]`.
    weights: CubeTensor,
    /// `[cells, visible + hidden]`: visible biases, then hidden ones.
    biases: CubeTensor,
    last: Option<LastUpdate>,
    /// `[cells]`: the step whose gradient was not finite, or 0.
    flags: CubeTensor,
    /// Steps of each machine.
    steps: Vec<u64>,
    uploaded: Option<Uploaded>,
    /// `[cells, hidden + 1, (visible + 4) / 4]`: sums of four squares each of the gradient.
    squares: Option<CubeTensor>,
    /// Hidden probabilities of the batch and of the chains, states of hidden units, the batch's rows and states of
    /// visible units, reused from step to step.
    probabilities: Scratch,
    hidden_states: Scratch,
    gathered: Scratch,
    visible_states: Scratch,
    /// Bound where a variant of a kernel writes nothing.
    nothing: [CubeTensor; 5],
}

/// Memory of a kernel's own, as large as was needed so far.
#[derive(Debug, Default)]
struct Scratch(Option<CubeTensor>);

impl Scratch {
    fn get(&mut self, beside: &CubeTensor, len: usize, dtype: DType) -> CubeTensor {
        if self.0.as_ref().is_none_or(|kept| kept.meta.shape().num_elements() < len) {
            let (client, device) = (beside.client.clone(), beside.device.clone());
            self.0 = Some(empty_device_contiguous_dtype(client, device, Shape::new([len]), dtype));
        }
        self.0.clone().expect("made above")
    }
}

/// Rows to draw from: where they are, and how to find them.
struct Rows<'a> {
    states: &'a CubeTensor,
    gather: Option<Gather<'a>>,
    count: usize,
}

/// A batch within a table that the machines share.
struct Gather<'a> {
    order: &'a CubeTensor,
    order_rows: usize,
    first: usize,
    /// Where the rows are put side by side.
    into: &'a CubeTensor,
}

impl DeviceMachines {
    /// `weights [cells, hidden, visible]`, `visible_bias [cells, visible]`, `hidden_bias [cells, hidden]`.
    ///
    /// # Panics
    /// When the tensors are not f32 on a GPU device, their shapes do not fit each other, or there is nothing in them.
    pub fn new(weights: Tensor<3>, visible_bias: Tensor<2>, hidden_bias: Tensor<2>) -> Self {
        let [cells, hidden, visible] = weights.dims();
        assert!(cells * hidden * visible > 0, "no machine, or one without units");
        assert!(u32::try_from(cells * (hidden + 1) * (visible + 1)).is_ok(), "more weights than a kernel can count");
        let weights = floats(weights);
        let (client, device) = (weights.client.clone(), weights.device.clone());
        let flags = zeros_client(client.clone(), device.clone(), Shape::new([cells]), DType::U32);
        let nothing = [DType::U32, DType::U32, DType::F32, DType::F32, DType::F32]
            .map(|dtype| empty_device_contiguous_dtype(client.clone(), device.clone(), Shape::new([4]), dtype));
        Self {
            biases: joined(visible_bias, hidden_bias, [cells, visible, hidden]),
            device,
            cells,
            visible,
            hidden,
            tiles: TileSize::default(),
            weights,
            last: None,
            flags,
            steps: vec![0; cells],
            uploaded: None,
            squares: None,
            probabilities: Scratch::default(),
            hidden_states: Scratch::default(),
            gathered: Scratch::default(),
            visible_states: Scratch::default(),
            nothing,
        }
    }

    /// The same machines, computed with tiles of a given size.
    #[must_use]
    pub fn with_tiles(mut self, tiles: TileSize) -> Self {
        self.tiles = tiles;
        self
    }

    /// `weights [cells, hidden, visible]`, `visible_bias [cells, visible]` and `hidden_bias [cells, hidden]`; later
    /// steps leave them as they are.
    pub fn tensors(&self) -> (Tensor<3>, Tensor<2>, Tensor<2>) {
        self.parted(&self.weights, &self.biases)
    }

    /// The last update, in the shapes of [`Self::tensors`]; none where no machine has momentum.
    pub fn last_update(&self) -> Option<(Tensor<3>, Tensor<2>, Tensor<2>)> {
        self.last.as_ref().map(|last| self.parted(&last.weights, &last.biases))
    }

    /// Puts a last update in the place of the machines' own, as when a run is resumed.
    ///
    /// # Panics
    /// When the shapes are not those of [`Self::tensors`].
    pub fn set_last_update(&mut self, last: Option<(Tensor<3>, Tensor<2>, Tensor<2>)>) {
        self.last = last.map(|(weights, visible_bias, hidden_bias)| {
            assert_eq!(weights.dims(), [self.cells, self.hidden, self.visible], "the last update's shape");
            let biases = joined(visible_bias, hidden_bias, [self.cells, self.visible, self.hidden]);
            LastUpdate { weights: floats(weights), biases }
        });
    }

    /// One step of CD-k from the batch, or of PCD-k from `chains [cells, chains, ceil(visible / 32)]`, which come back
    /// as the step left them.
    ///
    /// The batch is rows `order[cell][first..first + rows]` of `data [rows, ceil(visible / 32)]`; `order` is
    /// `[cells, rows of an epoch]`. With `want_norm`, [`Self::gradient_norms`] answers about this step.
    ///
    /// # Panics
    /// When shapes do not fit, or there is not one [`CellStep`] a machine with `k` of at least 1.
    #[expect(clippy::too_many_arguments, reason = "what a batch is, and what is to be done with it")]
    pub fn step(
        &mut self,
        data: &Tensor<2, Int>,
        order: &Tensor<2, Int>,
        first: usize,
        rows: usize,
        chains: Option<Tensor<3, Int>>,
        want_norm: bool,
        cells: &[CellStep],
    ) -> Option<Tensor<3, Int>> {
        let (words, hidden_words) = (self.visible.div_ceil(32), self.hidden.div_ceil(32));
        let [order_cells, order_rows] = order.dims();
        assert_eq!(cells.len(), self.cells, "one step a machine");
        assert_eq!((data.dims()[1], order_cells), (words, self.cells), "words of a row, orders of rows");
        assert!(rows > 0 && first + rows <= order_rows, "the batch is within the epoch");
        assert!(cells.iter().all(|cell| cell.k > 0), "k is at least 1");
        let (data, order) = (ints(data.clone()), ints(order.clone()));
        let k = cells.iter().filter(|cell| cell.active).map(|cell| cell.k).max();
        let Some(k) = k else { return chains };
        self.upload(cells);

        let is_persistent = chains.is_some();
        let count = chains.as_ref().map_or(rows, |chains| chains.dims()[1]);
        let states = match chains {
            Some(chains) => {
                assert_eq!(chains.dims(), [self.cells, count, words], "the chains' shape");
                own(ints(chains))
            }
            None => self.visible_states.get(&self.weights, self.cells * count * words, DType::U32),
        };
        let stride = self.hidden / 4 + 1;
        let probabilities = self.probabilities.get(&self.weights, self.cells * (rows + count) * stride * 4, DType::F32);
        let hidden_states = self.hidden_states.get(&self.weights, self.cells * count * hidden_words, DType::U32);

        let gathered = self.gathered.get(&self.weights, self.cells * rows * words, DType::U32);

        let keep = |from: usize| Some((&probabilities, rows + count, from));
        let gather = Gather { order: &order, order_rows, first, into: &gathered };
        let batch = Rows { states: &data, gather: Some(gather), count: rows };
        self.half_step(true, &batch, (!is_persistent).then_some(&hidden_states), keep(0), 0);
        let chain_rows = Rows { states: &states, gather: None, count };
        for s in 0..k {
            if is_persistent || s > 0 {
                self.half_step(true, &chain_rows, Some(&hidden_states), None, s);
            }
            let hidden_rows = Rows { states: &hidden_states, gather: None, count };
            self.half_step(false, &hidden_rows, Some(&states), None, s);
        }
        self.half_step(true, &chain_rows, None, keep(rows), 0);
        self.update(&probabilities, &batch, &chain_rows, want_norm, cells);

        for (steps, cell) in self.steps.iter_mut().zip(cells) {
            *steps += u64::from(cell.active);
        }
        if let Some(uploaded) = &mut self.uploaded {
            uploaded.advance += 1;
        }
        is_persistent.then(|| Tensor::from_primitive::<Cube>(states))
    }

    /// The first step of each machine, counted from 1 since its construction, whose gradient was not finite, or 0; the
    /// machine has stayed as it was before. Waits for the device.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn diverged(&self) -> Result<Vec<u64>, String> {
        let bytes = self.client().read_one(self.flags.handle.clone()).map_err(|error| format!("{error:?}"))?;
        Ok(words_of(&bytes).take(self.cells).map(u64::from).collect())
    }

    /// Euclidean norm of each machine's gradient over all parameters, in the last step that wanted it, or 0 where there
    /// was none. Waits for the device.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn gradient_norms(&self) -> Result<Vec<f64>, String> {
        let Some(squares) = &self.squares else { return Ok(vec![0.0; self.cells]) };
        let lines = self.hidden + 1;
        let shape = Shape::new([self.cells * lines]);
        let sums = empty_device_contiguous_dtype(self.client().clone(), self.device.clone(), shape, DType::F32);
        let count = (self.cells * lines).div_ceil(THREADS as usize) as u32;
        kernels::sum_lines_kernel::launch(
            self.client(),
            CubeCount::new_1d(count),
            CubeDim::new_1d(THREADS),
            squares.clone().into_buffer_arg(),
            sums.clone().into_buffer_arg(),
            (self.visible / 4 + 1) as u32,
        );
        let bytes = self.client().read_one(sums.handle).map_err(|error| format!("{error:?}"))?;
        let sums: Vec<f64> = words_of(&bytes).map(|word| f64::from(f32::from_bits(word))).collect();
        Ok(sums.chunks(lines).take(self.cells).map(|lines| lines.iter().sum::<f64>().sqrt()).collect())
    }

    /// Gibbs steps from `visible [cells, rows, ceil(visible / 32)]`, hidden states first: step `s` of a machine draws
    /// at its pair of draws (hidden, visible) with `s` added to the step and row `r` added to the row.
    ///
    /// # Panics
    /// When shapes do not fit, or there is not one pair a machine.
    pub fn gibbs_steps(&self, visible: Tensor<3, Int>, steps: u32, draws: &[(Draw, Draw)]) -> Tensor<3, Int> {
        let [cells, count, words] = visible.dims();
        assert_eq!((cells, words), (self.cells, self.visible.div_ceil(32)), "machines, words of a row");
        assert_eq!(draws.len(), self.cells, "draws of every machine");
        let parameters: Vec<u32> = draws
            .iter()
            .flat_map(|&(hidden, visible)| {
                let mut words = [0; CELL_WORDS];
                put_draw(&mut words, kernels::HIDDEN_DRAW, hidden);
                put_draw(&mut words, kernels::VISIBLE_DRAW, visible);
                words[kernels::GIBBS_STEPS] = steps;
                words[kernels::ACTIVE] = 1;
                words
            })
            .collect();
        let parameters = self.words_on_device(&parameters);
        let states = own(ints(visible));
        let shape = Shape::new([self.cells * count * self.hidden.div_ceil(32)]);
        let hidden = empty_device_contiguous_dtype(self.client().clone(), self.device.clone(), shape, DType::U32);
        for s in 0..steps {
            let visible_rows = Rows { states: &states, gather: None, count };
            self.launch_half_step(true, &visible_rows, Some(&hidden), None, s, (&parameters, 0));
            let hidden_rows = Rows { states: &hidden, gather: None, count };
            self.launch_half_step(false, &hidden_rows, Some(&states), None, s, (&parameters, 0));
        }
        Tensor::from_primitive::<Cube>(states)
    }

    /// Brings the machines' steps to the device, unless it can tell them from what it has.
    fn upload(&mut self, cells: &[CellStep]) {
        /// So that the product of advance and k stays far from the end of 32 bits.
        const MOST_STEPS: u32 = 1 << 16;
        let follows = |(before, now): (&CellStep, &CellStep), advance: u32| {
            let gibbs_step = before.gibbs_step + u64::from(advance) * u64::from(before.k);
            let expected = CellStep { gibbs_step, ..*before };
            expected == *now || (!before.active && !now.active)
        };
        if let Some(up) = &self.uploaded
            && up.advance < MOST_STEPS
            && cells.iter().all(|cell| cell.k < 1 << 15)
            && up.cells.iter().zip(cells).all(|pair| follows(pair, up.advance))
        {
            return;
        }
        let words: Vec<u32> = cells
            .iter()
            .zip(&self.steps)
            .flat_map(|(cell, &steps)| {
                let mut words = [0; CELL_WORDS];
                let draw = |stream| Draw { seed: cell.seed, stream, step: cell.gibbs_step, row: 0 };
                put_draw(&mut words, kernels::HIDDEN_DRAW, draw(Stream::TrainHidden));
                put_draw(&mut words, kernels::VISIBLE_DRAW, draw(Stream::TrainVisible));
                words[kernels::GIBBS_STEPS] = cell.k;
                words[kernels::ACTIVE] = u32::from(cell.active);
                words[kernels::RATE] = cell.rate.to_bits();
                words[kernels::MOMENTUM] = cell.momentum.to_bits();
                words[kernels::DECAY] = cell.decay.to_bits();
                words[kernels::STEPS_BEFORE] = steps as u32;
                words
            })
            .collect();
        self.uploaded = Some(Uploaded { cells: cells.to_vec(), words: self.words_on_device(&words), advance: 0 });
    }

    fn half_step(
        &self,
        up: bool,
        rows: &Rows<'_>,
        drawn: Option<&CubeTensor>,
        keep: Option<(&CubeTensor, usize, usize)>,
        gibbs_step: u32,
    ) {
        let uploaded = self.uploaded.as_ref().expect("every step uploads first");
        self.launch_half_step(up, rows, drawn, keep, gibbs_step, (&uploaded.words, uploaded.advance));
    }

    /// `keep`: where probabilities go, rows of a machine in it, and which of them is the first.
    fn launch_half_step(
        &self,
        up: bool,
        rows: &Rows<'_>,
        drawn: Option<&CubeTensor>,
        keep: Option<(&CubeTensor, usize, usize)>,
        gibbs_step: u32,
        (parameters, advance): (&CubeTensor, u32),
    ) {
        let units = if up { self.hidden } else { self.visible };
        let tile = self.tiles.tile(rows.count, units, self.cells);
        let kind = HalfStep {
            up,
            gather: rows.gather.is_some(),
            sample: drawn.is_some(),
            probabilities: keep.is_some(),
            tile,
        };
        let [no_words, no_batch, no_floats, ..] = &self.nothing;
        let (order, order_rows, first) =
            rows.gather.as_ref().map_or((parameters, 0, 0), |gather| (gather.order, gather.order_rows, gather.first));
        let (kept, kept_rows, kept_first) = keep.unwrap_or((no_floats, 0, 0));
        kernels::half_step_kernel::launch(
            self.client(),
            self.grid(rows.count.div_ceil(tile.rows()), units.div_ceil(tile.columns())),
            CubeDim::new_1d(THREADS),
            self.weights.clone().into_buffer_arg(),
            self.biases.clone().into_buffer_arg(),
            rows.states.clone().into_buffer_arg(),
            order.clone().into_buffer_arg(),
            parameters.clone().into_buffer_arg(),
            drawn.unwrap_or(no_words).clone().into_buffer_arg(),
            rows.gather.as_ref().map_or(no_batch, |gather| gather.into).clone().into_buffer_arg(),
            quads(kept),
            self.flags.clone().into_buffer_arg(),
            self.visible as u32,
            self.hidden as u32,
            rows.count as u32,
            first as u32,
            order_rows as u32,
            kept_rows as u32,
            kept_first as u32,
            gibbs_step,
            advance,
            kind,
        );
    }

    fn update(
        &mut self,
        probabilities: &CubeTensor,
        batch: &Rows<'_>,
        chains: &Rows<'_>,
        want_norm: bool,
        cells: &[CellStep],
    ) {
        let has_momentum = cells.iter().any(|cell| cell.active && cell.momentum != 0.0);
        if cells.iter().all(|cell| cell.active && cell.momentum == 0.0) {
            self.last = None;
        }
        let (client, device) = (self.client().clone(), self.device.clone());
        let zeros =
            |shape: &[usize]| zeros_client(client.clone(), device.clone(), Shape::from(shape.to_vec()), DType::F32);
        if has_momentum && self.last.is_none() {
            let weights = zeros(&[self.cells, self.hidden, self.visible]);
            self.last = Some(LastUpdate { weights, biases: zeros(&[self.cells, self.visible + self.hidden]) });
        }
        if want_norm && self.squares.is_none() {
            self.squares = Some(zeros(&[self.cells, self.hidden + 1, self.visible / 4 + 1]));
        }
        make_own(&mut self.weights);
        make_own(&mut self.biases);
        if let Some(last) = &mut self.last {
            make_own(&mut last.weights);
            make_own(&mut last.biases);
        }

        let uploaded = self.uploaded.as_ref().expect("every step uploads first");
        let tile = self.tiles.tile(self.hidden + 1, self.visible + 1, self.cells);
        let kind = Update { momentum: self.last.is_some(), squares: want_norm, tile };
        let [_, _, no_weights, no_biases, no_squares] = &self.nothing;
        let (last_weights, last_biases) =
            self.last.as_ref().map_or((no_weights, no_biases), |last| (&last.weights, &last.biases));
        let squares = self.squares.as_ref().filter(|_| want_norm).unwrap_or(no_squares);
        let gathered = batch.gather.as_ref().expect("a batch is gathered").into;
        kernels::update_kernel::launch(
            self.client(),
            self.grid((self.hidden + 1).div_ceil(tile.rows()), (self.visible + 1).div_ceil(tile.columns())),
            CubeDim::new_1d(THREADS),
            quads(probabilities),
            gathered.clone().into_buffer_arg(),
            chains.states.clone().into_buffer_arg(),
            uploaded.words.clone().into_buffer_arg(),
            self.flags.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.biases.clone().into_buffer_arg(),
            last_weights.clone().into_buffer_arg(),
            last_biases.clone().into_buffer_arg(),
            squares.clone().into_buffer_arg(),
            self.visible as u32,
            self.hidden as u32,
            batch.count as u32,
            chains.count as u32,
            chains.count as f32 / batch.count as f32,
            1.0 / chains.count as f32,
            kind,
        );
    }

    fn client(&self) -> &Client {
        &self.weights.client
    }

    fn grid(&self, tiles_down: usize, tiles_across: usize) -> CubeCount {
        CubeCount::Static(tiles_across as u32, tiles_down as u32, self.cells as u32)
    }

    fn words_on_device(&self, words: &[u32]) -> CubeTensor {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let handle = self.client().create_from_slice(&bytes);
        let shape = Shape::new([words.len()]);
        CubeTensor::new_contiguous(self.client().clone(), self.device.clone(), shape, handle, DType::U32)
    }

    fn parted(&self, weights: &CubeTensor, biases: &CubeTensor) -> (Tensor<3>, Tensor<2>, Tensor<2>) {
        let biases = Tensor::<2>::from_primitive::<Cube>(biases.clone());
        let (cells, visible, units) = (self.cells, self.visible, self.visible + self.hidden);
        (
            Tensor::from_primitive::<Cube>(weights.clone()),
            biases.clone().slice([0..cells, 0..visible]),
            biases.slice([0..cells, visible..units]),
        )
    }
}

/// Puts where a draw's row 0 stands among a machine's words.
fn put_draw(words: &mut [u32; CELL_WORDS], at: usize, draw: Draw) {
    let [key_low, key_high] = draw.key();
    let [step_low, step_high] = [draw.step as u32, (draw.step >> 32) as u32];
    words[at..at + 6].copy_from_slice(&[key_low, key_high, step_low, step_high, draw.stream as u32, draw.row]);
}

fn floats<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    assert_eq!(tensor.dtype(), DType::F32, "the kernels' width");
    let tensor = tensor.try_into_primitive::<Cube>();
    into_contiguous(tensor.unwrap_or_else(|error| panic!("not a tensor of a GPU device: {error:?}")))
}

fn ints<const D: usize>(tensor: Tensor<D, Int>) -> CubeTensor {
    assert_eq!(tensor.dtype().size(), 4, "words of 32 bits");
    let tensor = tensor.try_into_primitive::<Cube>();
    into_contiguous(tensor.unwrap_or_else(|error| panic!("not a tensor of a GPU device: {error:?}")))
}

/// Visible and hidden biases side by side.
fn joined(visible_bias: Tensor<2>, hidden_bias: Tensor<2>, [cells, visible, hidden]: [usize; 3]) -> CubeTensor {
    assert_eq!(visible_bias.dims(), [cells, visible], "the visible biases' shape");
    assert_eq!(hidden_bias.dims(), [cells, hidden], "the hidden biases' shape");
    floats(Tensor::cat(vec![visible_bias, hidden_bias], 1))
}

/// A tensor that may be written: itself where nobody else holds it, else a copy.
fn own(tensor: CubeTensor) -> CubeTensor {
    if tensor.can_mut() && tensor.is_nonoverlapping() { tensor } else { tensor.copy() }
}

fn make_own(tensor: &mut CubeTensor) {
    if !tensor.can_mut() {
        *tensor = tensor.copy();
    }
}

/// A tensor of floats as groups of four.
fn quads(tensor: &CubeTensor) -> BufferArg {
    let shape = Shape::new([tensor.meta.shape().num_elements() / 4]);
    let (client, device, handle) = (tensor.client.clone(), tensor.device.clone(), tensor.handle.clone());
    CubeTensor::new_contiguous(client, device, shape, handle, tensor.dtype).into_buffer_arg()
}

fn words_of(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))
}
