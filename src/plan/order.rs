//! In which order entities are loaded: one after those that its records refer
//! to, and else as the job file has them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Entities that refer to each other in a circle: each to the one after it, the
/// last to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCycle {
    /// Their places in what was given, from 0.
    pub entities: Vec<usize>,
}

/// The order of entities of which `references[i]` names those, by their places,
/// that entity `i` refers to. Of those that may come next, the first in the file
/// does.
///
/// # Errors
/// A circle, where there is one. An entity that refers to itself is one, too.
pub fn dependency_order(references: &[Vec<usize>]) -> Result<Vec<usize>, ReferenceCycle> {
    let mut followers = vec![Vec::new(); references.len()];
    let mut waits_for: Vec<usize> = references.iter().map(Vec::len).collect();
    for (entity, referred) in references.iter().enumerate() {
        for &other in referred {
            followers[other].push(entity);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..references.len())
        .filter(|&entity| waits_for[entity] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(references.len());
    while let Some(Reverse(entity)) = ready.pop() {
        order.push(entity);
        for &follower in &followers[entity] {
            waits_for[follower] -= 1;
            if waits_for[follower] == 0 {
                ready.push(Reverse(follower));
            }
        }
    }
    match waits_for.iter().position(|&waits| waits > 0) {
        None => Ok(order),
        Some(stuck) => Err(cycle_from(stuck, references, &waits_for)),
    }
}

/// The circle that an entity leads to which never became ready: each such one
/// refers to another.
fn cycle_from(stuck: usize, references: &[Vec<usize>], waits_for: &[usize]) -> ReferenceCycle {
    let mut path: Vec<usize> = Vec::new();
    let mut here = stuck;
    loop {
        if let Some(start) = path.iter().position(|&passed| passed == here) {
            let mut entities = path.split_off(start);
            // Told from the one that stands first in the file.
            let first = entities
                .iter()
                .enumerate()
                .min_by_key(|(_, entity)| **entity);
            let turn = first.map_or(0, |(index, _)| index);
            entities.rotate_left(turn);
            return ReferenceCycle { entities };
        }
        path.push(here);
        let next = references[here].iter().find(|&&other| waits_for[other] > 0);
        here = *next.expect("an entity that waits refers to one that waits");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(references: &[&[usize]]) -> Result<Vec<usize>, Vec<usize>> {
        let references: Vec<Vec<usize>> = references.iter().map(|to| to.to_vec()).collect();
        dependency_order(&references).map_err(|cycle| cycle.entities)
    }

    #[test]
    fn parents_come_first_and_else_the_files_order_stays() {
        assert_eq!(order(&[]), Ok(vec![]));
        assert_eq!(order(&[&[], &[], &[]]), Ok(vec![0, 1, 2]));
        assert_eq!(order(&[&[2], &[], &[]]), Ok(vec![1, 2, 0]));
        assert_eq!(order(&[&[1], &[2], &[]]), Ok(vec![2, 1, 0]));
        assert_eq!(order(&[&[3], &[], &[1, 3], &[]]), Ok(vec![1, 3, 0, 2]));
        // The same one twice is one.
        assert_eq!(order(&[&[1, 1], &[]]), Ok(vec![1, 0]));
    }

    #[test]
    fn a_circle_is_told_from_its_first_entity_without_those_that_only_lead_to_it() {
        assert_eq!(order(&[&[0]]), Err(vec![0]));
        assert_eq!(order(&[&[1], &[0]]), Err(vec![0, 1]));
        assert_eq!(order(&[&[3], &[2], &[3], &[1]]), Err(vec![1, 2, 3]));
        assert_eq!(order(&[&[1], &[2], &[], &[4], &[3]]), Err(vec![3, 4]));
    }

    proptest! {
        #[test]
        fn every_entity_is_placed_once_after_its_parents_or_the_circle_is_one(
            references in (1_usize..8).prop_flat_map(|count| {
                prop::collection::vec(prop::collection::vec(0..count, 0..3), count)
            })
        ) {
            match dependency_order(&references) {
                Ok(order) => {
                    let mut placed = vec![false; references.len()];
                    for entity in order {
                        prop_assert!(references[entity].iter().all(|&other| placed[other]));
                        prop_assert!(!std::mem::replace(&mut placed[entity], true));
                    }
                    prop_assert!(placed.iter().all(|&is_placed| is_placed));
                }
                Err(ReferenceCycle { entities }) => {
                    let next = entities.iter().cycle().skip(1);
                    for (from, to) in entities.iter().zip(next) {
                        prop_assert!(references[*from].contains(to));
                    }
                }
            }
        }
    }
}
