//! Measures steps: instructions, heap, stack.

use crate::board::{heap, instructions, mark_stack, stack_used};
use crate::frame::{Kind, Line, send};

/// Measures steps one by one and sends what they took over a line.
#[derive(Debug)]
pub struct Meter<L> {
    line: L,
}

impl<L: Line> Meter<L> {
    /// Reports over that line.
    pub fn new(line: L) -> Self {
        Self { line }
    }

    /// The line.
    pub fn line(&mut self) -> &mut L {
        &mut self.line
    }

    /// Runs a step; instructions, octets of heap and of stack at most, and the number of allocations are reported under its name.
    #[inline(never)]
    pub fn step<T>(&mut self, name: &str, step: impl FnOnce() -> T) -> T {
        heap().reset_peak();
        mark_stack();
        let began = instructions(0);
        let result = step();
        let took = instructions(began);
        let stack = stack_used();
        let usage = heap().usage();
        let mut report = [0; 40];
        let figures = [took, usage.peak as u64, stack as u64, usage.allocations as u64];
        let figures = figures.into_iter().flat_map(|figure| (figure as u32).to_be_bytes());
        let octets = name.bytes().chain([0]).chain(figures);
        let length = report.iter_mut().zip(octets).map(|(place, octet)| *place = octet).count();
        send(&mut self.line, Kind::Figures, report.get(..length).unwrap_or_default());
        result
    }
}
