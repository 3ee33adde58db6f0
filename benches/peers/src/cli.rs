//! The command line.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Parser;

use crate::peers::{self, Spec};
use crate::problem::{Kind, Section, Shape, Stage, Task, Type};

/// Times handgrad beside other implementations of the same loss and gradient, all in one run.
#[derive(Parser, Debug)]
#[command(version, about)]
pub struct Cli {
    /// Kinds of problems, with commas between them [default: all, those with digits if --mnist is given; `random` with --shapes]
    #[arg(long, value_delimiter = ',')]
    pub problems: Vec<Section>,

    /// Shapes m,h,C,n with blanks between them [default: each kind's own]
    #[arg(long, num_args = 1..)]
    pub shapes: Vec<Shape>,

    /// A directory with train-images-idx3-ubyte and train-labels-idx1-ubyte, gzipped or not
    #[arg(long, value_name = "DIR")]
    pub mnist: Option<PathBuf>,

    /// At most so many percent of the hidden units are active in the problems `active`
    #[arg(long, value_name = "PERCENT", default_value = "40", value_parser = percent())]
    pub active: u8,

    /// Percent of the inputs that are not 0 in the problems `density`, with commas [default: seven; three with --quick]
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', value_parser = percent())]
    pub densities: Vec<u8>,

    /// Peers by name [default: all but those with `torch compile`]; with commas between them
    #[arg(long, value_delimiter = ',')]
    pub peers: Vec<String>,

    /// Element types, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "f32,f64")]
    pub types: Vec<Type>,

    /// Numbers of threads, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    pub threads: Vec<usize>,

    /// Rounds, each of which times every peer once [default: 11; 5 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,

    /// The small shapes and fewer rounds
    #[arg(long)]
    pub quick: bool,

    /// Time and memory against n, h and C instead of the table
    #[arg(long)]
    pub growth: bool,

    /// Where the results go
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../results"), hide_default_value = true)]
    pub out: PathBuf,

    /// The Python interpreter that has the Python peers
    #[arg(long, env = "PEERS_PYTHON", default_value = "python3")]
    pub python: PathBuf,

    /// Serves this peer on standard input: how the harness starts its workers.
    #[arg(long, hide = true)]
    pub worker: Option<String>,
}

fn percent() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(0..=100)
}

impl Cli {
    /// The problems of the tables, kind by kind.
    ///
    /// # Errors
    ///
    /// If MNIST is asked for and it is not said where it is.
    pub fn tasks(&self) -> Result<Vec<Task>> {
        let digits = self.problems.contains(&Section::Mnist);
        ensure!(!digits || self.mnist.is_some(), "--problems mnist needs --mnist DIR");
        let mut tasks = Vec::new();
        for section in Section::ALL.into_iter().filter(|&section| self.wants(section)) {
            let own = || section.shapes(self.quick);
            let shapes = if self.shapes.is_empty() { own() } else { self.shapes.clone() };
            let kinds = self.kinds(section);
            tasks
                .extend(shapes.iter().flat_map(|&shape| kinds.iter().map(move |&kind| Task { kind, shape })));
        }
        Ok(tasks)
    }

    fn wants(&self, section: Section) -> bool {
        match (self.problems.is_empty(), section) {
            (false, _) => self.problems.contains(&section),
            (true, Section::Random) => true,
            (true, Section::Mnist) => self.shapes.is_empty() && self.mnist.is_some(),
            (true, _) => self.shapes.is_empty(),
        }
    }

    fn kinds(&self, section: Section) -> Vec<Kind> {
        let densities: &[u8] = match (self.densities.is_empty(), self.quick) {
            (false, _) => &self.densities,
            (true, true) => &[100, 20, 5],
            (true, false) => &[100, 75, 50, 30, 20, 10, 5],
        };
        match section {
            Section::Random => vec![Kind::Random],
            Section::Active => vec![Kind::Active(self.active)],
            Section::Mnist => vec![Kind::Mnist(Stage::Start), Kind::Mnist(Stage::Trained)],
            Section::Density => densities.iter().map(|&percent| Kind::Density(percent)).collect(),
            Section::Hessian if self.mnist.is_some() => vec![Kind::Hessian, Kind::HessianMnist],
            Section::Hessian => vec![Kind::Hessian],
            Section::Sparse => vec![Kind::Sparse(20)],
        }
    }

    pub fn rounds(&self) -> usize {
        self.rounds.map_or(if self.quick { 5 } else { 11 }, |rounds| rounds as usize)
    }

    /// The peers asked for, in the order of the program's list.
    ///
    /// # Errors
    ///
    /// If there is no peer of a name that was given.
    pub fn specs(&self) -> Result<Vec<Spec>> {
        let all = peers::all();
        if let Some(name) = self.peers.iter().find(|name| all.iter().all(|spec| spec.name != **name)) {
            let names: Vec<_> = all.iter().map(|spec| spec.name).collect();
            bail!("no peer {name:?}; there are {}", names.join(", "));
        }
        let wanted = |spec: &Spec| {
            if self.peers.is_empty() { spec.default } else { self.peers.iter().any(|name| name == spec.name) }
        };
        Ok(all.into_iter().filter(wanted).collect())
    }

    /// The peers of the growth curves: those asked for, or the few whose memory is cheap to watch.
    ///
    /// # Errors
    ///
    /// As [`specs`](Self::specs).
    pub fn growth_specs(&self) -> Result<Vec<Spec>> {
        let specs = self.specs()?;
        Ok(specs.into_iter().filter(|spec| spec.growth || !self.peers.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> Cli {
        Cli::try_parse_from(["peers"].iter().chain(options)).unwrap()
    }

    fn kinds(options: &[&str]) -> Vec<String> {
        parse(options).tasks().unwrap().iter().map(Task::to_string).collect()
    }

    #[test]
    fn options_choose_problems() {
        assert_eq!(kinds(&["--shapes", "1,2,3,4", "5,6,7,8"]), ["random 1,2,3,4", "random 5,6,7,8"]);
        let active = ["--problems", "active", "--active", "30", "--shapes", "1,2,3,4"];
        assert_eq!(kinds(&active), ["active 30 1,2,3,4"]);
        let densities = ["--problems", "density", "--densities", "7,3", "--shapes", "1,2,3,4"];
        assert_eq!(kinds(&densities), ["density 7 1,2,3,4", "density 3 1,2,3,4"]);
        assert_eq!(
            kinds(&["--problems", "hessian"]),
            ["hessian 784,128,10,1024", "hessian 784,1024,10,1024"]
        );
        let sparse = kinds(&["--problems", "sparse"]);
        assert_eq!(sparse, ["sparse 20 4096,64,4,32", "sparse 20 4096,64,4,256"]);
        let digits = ["--problems", "mnist", "--mnist", "somewhere", "--quick"];
        assert_eq!(kinds(&digits), ["mnist start 784,128,10,128", "mnist trained 784,128,10,128"]);
        assert!(parse(&["--problems", "mnist"]).tasks().is_err());
        assert!(Cli::try_parse_from(["peers", "--active", "101"]).is_err());
        let sizes = |options: &[&str]| parse(options).tasks().unwrap().len();
        assert_eq!([sizes(&[]), sizes(&["--mnist", "somewhere"]), sizes(&["--quick"])], [27, 33, 11]);
    }

    #[test]
    fn options_choose_peers_and_rounds() {
        let cli = parse(&["--peers", "numpy"]);
        assert_eq!((cli.specs().unwrap().len(), cli.rounds()), (1, 11));
        let cli = parse(&["--quick"]);
        assert_eq!(cli.rounds(), 5);
        assert!(cli.specs().unwrap().iter().all(|spec| !spec.name.starts_with("torch compile")));
        assert!(Cli::try_parse_from(["peers", "--peers", "nobody"]).unwrap().specs().is_err());
        assert!(Cli::try_parse_from(["peers", "--rounds", "0"]).is_err());
    }
}
