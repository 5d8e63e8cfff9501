//! Lines, dots and text on a pixmap. Knows no data.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Rect,
    Stroke, StrokeDash, Transform,
};

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const WHITE: Rgb = Rgb(255, 255, 255);
pub(super) const INK: Rgb = Rgb(17, 24, 39);
pub(super) const GREY: Rgb = Rgb(107, 114, 128);
pub(super) const GRID: Rgb = Rgb(229, 231, 235);
pub(super) const ALARM: Rgb = Rgb(200, 30, 30);

/// Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind people too. The
/// yellow is left out, since it is too light on white.
pub(super) const PALETTE: [Rgb; 6] = [
    Rgb(0, 114, 178),
    Rgb(213, 94, 0),
    Rgb(0, 158, 115),
    Rgb(204, 121, 167),
    Rgb(230, 159, 0),
    Rgb(86, 180, 233),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// How a text is written; `size` in pixels of the em.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    size: f32,
    weight: Weight,
    colour: Rgb,
}

impl Style {
    pub(super) const fn new(size: f32, weight: Weight, colour: Rgb) -> Self {
        Self { size, weight, colour }
    }
}

/// Inter, subset to Latin; see assets/Inter-LICENSE.txt.
static REGULAR: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../../assets/Inter-Regular.subset.ttf")).ok()
});
static SEMI_BOLD: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../../assets/Inter-SemiBold.subset.ttf")).ok()
});

fn font(weight: Weight) -> Option<&'static FontRef<'static>> {
    match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::SemiBold => SEMI_BOLD.as_ref(),
    }
}

pub(super) struct Canvas {
    pixmap: Pixmap,
}

impl Canvas {
    /// White; none if the size is no size.
    pub(super) fn new(width: f32, height: f32) -> Option<Self> {
        let mut pixmap = Pixmap::new(width as u32, height as u32)?;
        pixmap.fill(Color::WHITE);
        Some(Self { pixmap })
    }

    pub(super) fn png(&self) -> Option<Vec<u8>> {
        self.pixmap.encode_png().ok()
    }

    /// A line through the points; `dash` of pixels on and off.
    pub(super) fn line(
        &mut self,
        points: &[(f32, f32)],
        colour: Rgb,
        alpha: u8,
        width: f32,
        dash: Option<f32>,
    ) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 {
                path.move_to(*x, *y);
            } else {
                path.line_to(*x, *y);
            }
        }
        let Some(path) = path.finish() else { return };
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            dash: dash.and_then(|length| StrokeDash::new(vec![length, length], 0.0)),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(&path, &paint(colour, alpha), &stroke, Transform::identity(), None);
    }

    pub(super) fn dot(&mut self, x: f32, y: f32, radius: f32, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            let paint = paint(colour, 255);
            self.pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    pub(super) fn ring(&mut self, x: f32, y: f32, radius: f32, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            let stroke = Stroke { width: 3.0, ..Stroke::default() };
            let paint = paint(colour, 255);
            self.pixmap.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
        }
    }

    pub(super) fn box_of(
        &mut self,
        left: f32,
        top: f32,
        right: f32,
        bottom: f32,
        colour: Rgb,
        alpha: u8,
    ) {
        if let Some(rect) = Rect::from_ltrb(left, top, right, bottom) {
            self.pixmap.fill_rect(rect, &paint(colour, alpha), Transform::identity(), None);
        }
    }

    /// Writes text on a baseline that begins, is centred or ends at the point. Characters that the
    /// font lacks are left out.
    pub(super) fn text(&mut self, text: &str, at: (f32, f32), style: Style, align: Align) {
        let Some(font) = font(style.weight) else { return };
        let (glyphs, width) = lay_out(font, text, style.size);
        let left = match align {
            Align::Left => at.0,
            Align::Center => at.0 - width / 2.0,
            Align::Right => at.0 - width,
        };
        for mut glyph in glyphs {
            glyph.position.x += left;
            glyph.position.y += at.1;
            self.glyph(font, glyph, style.colour);
        }
    }

    /// The width of a text in pixels.
    pub(super) fn width(&self, text: &str, size: f32, weight: Weight) -> f32 {
        font(weight).map_or(0.0, |font| lay_out(font, text, size).1)
    }

    /// The text, or as much of its start as fits with an ellipsis.
    pub(super) fn clip(&self, text: &str, size: f32, weight: Weight, room: f32) -> String {
        if self.width(text, size, weight) <= room {
            return text.to_owned();
        }
        let mut short: String = text.chars().take(200).collect();
        while !short.is_empty() && self.width(&short, size, weight) + size > room {
            short.pop();
        }
        short.push('…');
        short
    }

    fn glyph(&mut self, font: &FontRef<'_>, glyph: Glyph, colour: Rgb) {
        let Some(outline) = font.outline_glyph(glyph) else { return };
        let bounds = outline.px_bounds();
        let (width, height) = (self.pixmap.width() as i64, self.pixmap.height() as i64);
        let pixels = self.pixmap.pixels_mut();
        outline.draw(|dx, dy, coverage| {
            let x = bounds.min.x as i64 + i64::from(dx);
            let y = bounds.min.y as i64 + i64::from(dy);
            if x < 0 || y < 0 || x >= width || y >= height {
                return;
            }
            if let Some(pixel) = pixels.get_mut((y * width + x) as usize) {
                *pixel = blend(*pixel, colour, coverage.clamp(0.0, 1.0));
            }
        });
    }
}

fn paint(colour: Rgb, alpha: u8) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(colour.0, colour.1, colour.2, alpha);
    paint
}

/// The colour over an opaque pixel.
fn blend(under: PremultipliedColorU8, over: Rgb, share: f32) -> PremultipliedColorU8 {
    let mix = |a: u8, b: u8| (f32::from(a) * (1.0 - share) + f32::from(b) * share).round() as u8;
    PremultipliedColorU8::from_rgba(
        mix(under.red(), over.0),
        mix(under.green(), over.1),
        mix(under.blue(), over.2),
        255,
    )
    .unwrap_or(under)
}

/// Glyphs side by side from x 0 on, and the width of all.
fn lay_out(font: &FontRef<'static>, text: &str, size: f32) -> (Vec<Glyph>, f32) {
    // CSS pixels mean the em; ab_glyph's scale means the height from ascent to descent.
    let em = font.units_per_em().unwrap_or(1000.0);
    let scaled = font.as_scaled(PxScale::from(size * font.height_unscaled() / em));
    let mut glyphs = Vec::new();
    let mut x = 0.0;
    let mut last = None;
    for c in text.chars() {
        let id = font.glyph_id(c);
        if id.0 == 0 {
            continue;
        }
        if let Some(last) = last {
            x += scaled.kern(last, id);
        }
        glyphs.push(id.with_scale_and_position(scaled.scale(), point(x, 0.0)));
        x += scaled.h_advance(id);
        last = Some(id);
    }
    (glyphs, x)
}
