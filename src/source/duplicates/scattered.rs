//! The keys of a large input on disk, equal ones in the same partition.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::found::{Duplicates, Pair};
use crate::source::SourceError;
use crate::source::spool::new_private_file;

/// Parts that the keys are scattered over. More means smaller sorts and more
/// memory for buffers.
const PARTITIONS: usize = 256;

/// Pairs of one partition that are written together: a block of 4 KiB, which
/// makes 1 MiB of buffers. Smaller blocks mean more writes and a longer list.
const PAIRS_A_BLOCK: usize = 256;

const PAIR_BYTES: usize = 16;

/// The temporary file: blocks of one partition each, in the order they filled.
#[derive(Debug)]
pub(super) struct Scattered {
    path: PathBuf,
    file: File,
    next_block: u32,
    partitions: Vec<Partition>,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    filling: Vec<Pair>,
    /// Numbers of the partition's full blocks in the file.
    blocks: Vec<u32>,
}

impl Scattered {
    pub(super) fn create(directory: &Path) -> Result<Self, SourceError> {
        let path = directory.join(format!("duplicates-{}.tmp", std::process::id()));
        let file = new_private_file(&path).map_err(|cause| SourceError::Staging {
            path: path.clone(),
            cause,
        })?;
        // Where a file may lose its name while it is open, a killed process
        // leaves nothing behind; elsewhere `Drop` removes it.
        let _ = std::fs::remove_file(&path);
        Ok(Self {
            path,
            file,
            next_block: 0,
            partitions: vec![Partition::default(); PARTITIONS],
        })
    }

    fn failure(&self, cause: io::Error) -> SourceError {
        SourceError::Staging {
            path: self.path.clone(),
            cause,
        }
    }

    pub(super) fn add(&mut self, pair: Pair) -> Result<(), SourceError> {
        let index = partition_of(pair.key_hash);
        let partition = &mut self.partitions[index];
        partition.filling.push(pair);
        if partition.filling.len() < PAIRS_A_BLOCK {
            return Ok(());
        }
        let mut block = [0; PAIRS_A_BLOCK * PAIR_BYTES];
        for (place, pair) in block.chunks_exact_mut(PAIR_BYTES).zip(&partition.filling) {
            place[..8].copy_from_slice(&pair.key_hash.to_le_bytes());
            place[8..].copy_from_slice(&pair.row.to_le_bytes());
        }
        partition.filling.clear();
        partition.blocks.push(self.next_block);
        self.next_block += 1;
        // Blocks are written in the order of their numbers, so the file's own
        // position is always the right one.
        self.file
            .write_all(&block)
            .map_err(|cause| self.failure(cause))
    }

    pub(super) fn book(&mut self, found: &mut Duplicates) -> Result<(), SourceError> {
        for index in 0..PARTITIONS {
            let Partition {
                filling: mut pairs,
                blocks,
            } = std::mem::take(&mut self.partitions[index]);
            let mut block = [0; PAIRS_A_BLOCK * PAIR_BYTES];
            for number in blocks {
                let offset = u64::from(number) * block.len() as u64;
                self.file
                    .seek(SeekFrom::Start(offset))
                    .and_then(|_| self.file.read_exact(&mut block))
                    .map_err(|cause| self.failure(cause))?;
                pairs.extend(block.chunks_exact(PAIR_BYTES).map(|place| Pair {
                    key_hash: number_at(place, 0),
                    row: number_at(place, 8),
                }));
            }
            found.book(&mut pairs);
        }
        Ok(())
    }
}

impl Drop for Scattered {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn number_at(place: &[u8], offset: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&place[offset..offset + 8]);
    u64::from_le_bytes(bytes)
}

/// The key's partition. The hash is stirred once more (with the fractional
/// part of the golden ratio), so that a weak one doesn't fill a few only.
fn partition_of(key_hash: u64) -> usize {
    let stirred = key_hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::from(stirred.to_be_bytes()[0])
}
