//! Changes an input at random, in ways that parsers are known to stumble over.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

/// Inputs grow to this at most: more only makes a round slower. One that was
/// longer to begin with may stay so.
const MOST_BYTES: usize = 16 * 1024;

/// A changed copy of one of the inputs.
pub(crate) fn mutate(pool: &[Vec<u8>], words: &[&[u8]], random: &mut SmallRng) -> Vec<u8> {
    let mut input = pool[random.random_range(0..pool.len())].clone();
    let most_bytes = MOST_BYTES.max(input.len());
    // Mostly a small step; now and then a leap.
    let steps = 1 << random.random_range(0..5_u32);
    for _ in 0..random.random_range(1..=steps) {
        change_once(&mut input, pool, words, random);
    }
    input.truncate(most_bytes);
    input
}

fn change_once(input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&[u8]], random: &mut SmallRng) {
    let place = random.random_range(0..=input.len());
    match random.random_range(0..10_u32) {
        0 if place < input.len() => input[place] ^= 1 << random.random_range(0..8_u32),
        1 if place < input.len() => input[place] = random.random(),
        2 => insert(input, place, &[random.random::<u8>()]),
        3 | 4 if !words.is_empty() => {
            insert(input, place, words[random.random_range(0..words.len())]);
        }
        5 if !words.is_empty() => {
            let word = words[random.random_range(0..words.len())];
            let end = (place + word.len()).min(input.len());
            input.splice(place..end, word.iter().copied());
        }
        6 => {
            let end = short_end(place, input.len(), random);
            input.drain(place..end);
        }
        7 => {
            let end = short_end(place, input.len(), random);
            let piece = input[place..end].to_vec();
            let times = [1, 2, 3, 200][random.random_range(0..4_usize)];
            insert(
                input,
                place,
                &piece.repeat(times.min(MOST_BYTES / piece.len().max(1))),
            );
        }
        8 => {
            let other = &pool[random.random_range(0..pool.len())];
            let start = random.random_range(0..=other.len());
            let end = short_end(start, other.len(), random);
            insert(input, place, &other[start..end]);
        }
        9 if random.random_range(0..4_u32) == 0 => input.truncate(place),
        _ => swap_pieces(input, random),
    }
}

fn insert(input: &mut Vec<u8>, place: usize, piece: &[u8]) {
    input.splice(place..place, piece.iter().copied());
}

fn short_end(start: usize, length: usize, random: &mut SmallRng) -> usize {
    let most = 1 << random.random_range(0..8_u32);
    (start + random.random_range(0..=most)).min(length)
}

fn swap_pieces(input: &mut [u8], random: &mut impl Rng) {
    if input.len() > 1 {
        let middle = random.random_range(1..input.len());
        let start = random.random_range(0..middle);
        input[start..].rotate_left(middle - start);
    }
}
