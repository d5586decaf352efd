//! A picture as SVG.

use std::fmt::Write;

use super::axis::{label, round_up, ticks};
use super::picture::{Line, Panel, Picture, Shade};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const HEAD: f64 = 84.0;
const PANEL: f64 = 150.0;
/// Room between two panels: the upper one's axis and the lower one's title.
const GAP: f64 = 46.0;
/// Steps of an axis of values.
const VALUE_STEPS: usize = 4;
const TIME_STEPS: usize = 10;

/// Class, property, colour on light, colour on dark. The clients' colours can be told apart by the colour-blind too
/// (after Okabe and Ito). No CSS variables: many programs that show SVG don't know them.
const COLOURS: [(&str, &str, &str, &str); 11] = [
    ("paper", "fill", "#ffffff", "#14171b"),
    ("ink", "fill", "#1f2328", "#e6e8eb"),
    ("faint", "fill", "#5f6975", "#9aa3ad"),
    ("grid", "stroke", "#e3e6ea", "#30363d"),
    ("axis", "stroke", "#8a939e", "#6b7480"),
    ("limit", "stroke", "#5f6975", "#9aa3ad"),
    ("ours", "stroke", "#0b5cad", "#6cb6ff"),
    ("b0", "stroke", "#c2560c", "#f0935a"),
    ("b1", "stroke", "#1b7f5c", "#4cc79b"),
    ("b2", "stroke", "#a5408a", "#e08bc8"),
    ("b3", "stroke", "#4a3423", "#d8c3ae"),
];

const SHAPES: &str = "text{font:12px system-ui,sans-serif}.title{font-size:17px;font-weight:600}.panel{font-weight:600}\
.grid,.axis{stroke-width:1}.axis{fill:none}.line{fill:none;stroke-width:1.4;stroke-linejoin:round}\
.line.ours{stroke-width:2.4}.limit{stroke-dasharray:6 4}.b3{stroke-dasharray:2 2}";

fn style() -> String {
    let mut style = SHAPES.to_owned();
    for (class, property, light, _) in COLOURS {
        push(&mut style, format_args!(".{class}{{{property}:{light}}}"));
    }
    style.push_str("@media (prefers-color-scheme:dark){");
    for (class, property, _, dark) in COLOURS {
        push(&mut style, format_args!(".{class}{{{property}:{dark}}}"));
    }
    style.push('}');
    style
}

/// Draws a picture; the text is a whole SVG file.
pub(crate) fn draw(picture: &Picture) -> String {
    let height = HEAD + picture.panels.len() as f64 * (PANEL + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\
         <style>{}</style><rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        escaped(&picture.title),
        style()
    );
    text(&mut svg, 12.0, 24.0, "ink title", "start", &picture.title);
    text(&mut svg, 12.0, 43.0, "faint", "start", &picture.subtitle);
    draw_legend(&mut svg, picture);
    for (number, panel) in picture.panels.iter().enumerate() {
        let top = HEAD + number as f64 * (PANEL + GAP) + 16.0;
        draw_panel(&mut svg, panel, picture.seconds, top, number);
    }
    svg.push_str("</svg>\n");
    svg
}

fn class_of(shade: Shade) -> String {
    match shade {
        Shade::Ours => "ours".to_owned(),
        // Four colours; a fifth client would share the first one's.
        Shade::Baseline(number) => format!("b{}", number % 4),
        Shade::Limit => "limit".to_owned(),
    }
}

fn draw_legend(svg: &mut String, picture: &Picture) {
    let mut x = 12.0;
    for (name, shade) in picture.legend() {
        let class = class_of(shade);
        push(
            svg,
            format_args!(
                "<line class=\"line {class}\" x1=\"{x:.1}\" y1=\"60\" x2=\"{:.1}\" y2=\"60\"/>\n",
                x + 22.0
            ),
        );
        text(svg, x + 28.0, 64.0, "ink", "start", name);
        // Text has no width before it is drawn; 6.6 units a character leave room enough at 12 px.
        x += 28.0 + name.chars().count() as f64 * 6.6 + 18.0;
    }
}

fn draw_panel(svg: &mut String, panel: &Panel, seconds: f64, top: f64, number: usize) {
    let peak = panel.peak();
    let shown = panel.at_most.map_or(peak, |most| peak.min(most));
    let upper = round_up(shown, VALUE_STEPS);
    let bottom = top + PANEL;
    let right = WIDTH - RIGHT;
    let across = |at: f64| LEFT + (right - LEFT) * (at / seconds.max(1e-9)).clamp(0.0, 1.0);
    let up = |value: f64| bottom - PANEL * value / upper;

    text(svg, 12.0, top - 8.0, "ink panel", "start", &panel.title);
    if peak > upper {
        let note = format!("cut off; the highest value is {}", label(peak.round()));
        text(svg, right, top - 8.0, "faint", "end", &note);
    }
    for value in ticks(upper, VALUE_STEPS) {
        let y = up(value);
        push(
            svg,
            format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\n"
            ),
        );
        text(svg, LEFT - 8.0, y + 4.0, "faint", "end", &label(value));
    }
    for at in ticks(seconds, TIME_STEPS) {
        let x = across(at);
        push(
            svg,
            format_args!(
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>\n",
                bottom + 4.0
            ),
        );
        let unit = if at == 0.0 { " s" } else { "" };
        let name = format!("{}{unit}", label(at));
        text(svg, x, bottom + 17.0, "faint", "middle", &name);
    }
    push(
        svg,
        format_args!(
            "<path class=\"axis\" d=\"M{LEFT} {top}V{bottom}H{right}\"/>\
             <clipPath id=\"panel-{number}\"><rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/></clipPath>\n",
            top - 2.0,
            right - LEFT,
            PANEL + 4.0
        ),
    );
    // What is drawn last lies above: the client under test.
    let drawn = |ours: bool| {
        let of_kind = move |line: &&Line| (line.shade == Shade::Ours) == ours;
        panel.lines.iter().filter(of_kind)
    };
    for line in drawn(false).chain(drawn(true)) {
        let mut points = String::new();
        for (at, value) in &line.points {
            push(
                &mut points,
                format_args!("{:.1},{:.1} ", across(*at), up(*value)),
            );
        }
        push(
            svg,
            format_args!(
                "<polyline class=\"line {}\" clip-path=\"url(#panel-{number})\" points=\"{}\"><title>{}</title></polyline>\n",
                class_of(line.shade),
                points.trim_end(),
                escaped(&line.name)
            ),
        );
    }
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, anchor: &str, content: &str) {
    push(
        svg,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"{anchor}\">{}</text>\n",
            escaped(content)
        ),
    );
}

fn push(svg: &mut String, parts: std::fmt::Arguments<'_>) {
    svg.write_fmt(parts)
        .expect("writing to memory doesn't fail");
}

/// Text as it may stand in SVG and HTML.
pub(super) fn escaped(content: &str) -> String {
    let mut escaped = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: f64, at_most: Option<f64>) -> Picture {
        let line = |name: &str, shade| Line {
            name: name.to_owned(),
            shade,
            points: vec![(0.0, 0.0), (5.0, value), (10.0, 0.0)],
        };
        Picture {
            title: "a < b".to_owned(),
            subtitle: String::new(),
            seconds: 10.0,
            panels: vec![Panel {
                title: "per second".to_owned(),
                lines: vec![line("ours", Shade::Ours), line("limit", Shade::Limit)],
                at_most,
            }],
        }
    }

    #[test]
    fn a_line_runs_from_the_left_edge_over_the_top_to_the_right_edge() {
        let svg = draw(&picture(8.0, None));
        let (top, bottom) = (HEAD + 16.0, HEAD + 16.0 + PANEL);
        let points = format!("64.0,{bottom:.1} 474.0,{top:.1} 884.0,{bottom:.1}");
        assert_eq!(svg.matches(&points).count(), 2, "{svg}");
    }

    #[test]
    fn the_client_under_test_is_drawn_last_and_text_is_escaped() {
        let svg = draw(&picture(8.0, None));
        let place = |what: &str| svg.rfind(what).expect("it is drawn");
        assert!(place("class=\"line ours\" clip") > place("class=\"line limit\" clip"));
        assert!(svg.contains("a &lt; b") && !svg.contains("a < b"));
    }

    #[test]
    fn a_value_above_the_edge_is_cut_and_told() {
        let svg = draw(&picture(300.0, Some(8.0)));
        assert!(svg.contains("the highest value is 300"), "{svg}");
        assert!(!draw(&picture(8.0, Some(8.0))).contains("cut off"));
    }
}
