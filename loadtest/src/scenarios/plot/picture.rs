//! What a picture holds, apart from how it is drawn.

/// How a line looks. The colours of the clients stay the same in every picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shade {
    /// The client under test: the strongest line.
    Ours,
    /// One of the clients that it is compared with, by number.
    Baseline(usize),
    /// What the tenant allows: dashed.
    Limit,
}

/// One line of a panel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Its name in the legend.
    pub(crate) name: String,
    pub(crate) shade: Shade,
    /// Seconds since the start, and the value, in order of time.
    pub(crate) points: Vec<(f64, f64)>,
}

/// One diagram: lines over the same time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
    /// The value at the upper edge; what lies above is cut there. None shows all.
    pub(crate) at_most: Option<f64>,
}

/// Diagrams below each other, over one axis of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// The length of the axis of time.
    pub(crate) seconds: f64,
    pub(crate) panels: Vec<Panel>,
}

impl Panel {
    /// The largest value of all lines.
    pub(crate) fn peak(&self) -> f64 {
        let values = self.lines.iter().flat_map(|line| &line.points);
        values.map(|(_, value)| *value).fold(0.0, f64::max)
    }
}

impl Picture {
    /// The lines of all panels by name, each once, in order of appearance.
    pub(crate) fn legend(&self) -> Vec<(&str, Shade)> {
        let mut legend: Vec<(&str, Shade)> = Vec::new();
        for line in self.panels.iter().flat_map(|panel| &panel.lines) {
            if !legend.iter().any(|(_, shade)| *shade == line.shade) {
                legend.push((&line.name, line.shade));
            }
        }
        legend
    }
}
