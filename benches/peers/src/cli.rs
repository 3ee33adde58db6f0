//! The command line.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;

use crate::peers::{self, Spec};
use crate::problem::{SHAPES, Shape, Type};

/// Times handgrad beside other implementations of the same loss and gradient, all in one run.
#[derive(Parser, Debug)]
#[command(version, about)]
pub struct Cli {
    /// Shapes m,h,C,n with blanks between them [default: seven of them; four with --quick]
    #[arg(long, num_args = 1..)]
    pub shapes: Vec<Shape>,

    /// Peers by name [default: all but `torch compile`]; with commas between them
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

impl Cli {
    pub fn shapes(&self) -> Vec<Shape> {
        match (self.shapes.is_empty(), self.quick) {
            (false, _) => self.shapes.clone(),
            (true, true) => SHAPES[..4].to_vec(),
            (true, false) => SHAPES.to_vec(),
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

    #[test]
    fn options_choose_shapes_peers_and_rounds() {
        let cli =
            Cli::try_parse_from(["peers", "--shapes", "1,2,3,4", "5,6,7,8", "--peers", "numpy"]).unwrap();
        assert_eq!(cli.shapes().len(), 2);
        assert_eq!(cli.specs().unwrap().len(), 1);
        assert_eq!(cli.rounds(), 11);
        let cli = Cli::try_parse_from(["peers", "--quick"]).unwrap();
        assert_eq!((cli.shapes().len(), cli.rounds()), (4, 5));
        assert!(cli.specs().unwrap().iter().all(|spec| spec.name != "torch compile"));
        assert!(Cli::try_parse_from(["peers", "--peers", "nobody"]).unwrap().specs().is_err());
        assert!(Cli::try_parse_from(["peers", "--rounds", "0"]).is_err());
    }
}
