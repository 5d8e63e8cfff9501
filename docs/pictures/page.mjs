// A page that shows messages about as Slack's phone app does, from what a test wrote down of them:
//
//     PICTURES=/tmp/pictures cargo test --test it pictures -- --ignored
//     node docs/pictures/page.mjs /tmp/pictures/crash.json > /tmp/pictures/crash.html
//
// and then a picture of it by any browser, 390 pixels wide (docs/messages.md shows them).
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const file = process.argv[2];
const messages = JSON.parse(readFileSync(file, 'utf8'));
const COLOURS = { good: '#2eb67d', warning: '#ecb22e', danger: '#e01e5a' };

const escape = (text) => String(text ?? '').replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const lines = (html) => html.replace(/\n/g, '<br>');
/** What is ever marked up: bold, and a date in the reader's own zone. */
const mrkdwn = (text) => lines(String(text).replace(/<!date\^(\d+)\^[^|]*\|[^>]*>/g, (_, s) => {
  const at = new Date(s * 1000);
  return `${at.toLocaleString('en', { month: 'short', day: 'numeric', timeZone: 'UTC' })} at ${at.toLocaleTimeString('en', { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' })}`;
}).replace(/\*([^*\n]+)\*/g, '<b>$1</b>'));
/** Drawn, so that the picture needs no font of emoji. */
const disc = (colour) => `<svg class="icon" viewBox="0 0 20 20"><circle cx="10" cy="10" r="9" fill="${colour}"/></svg>`;
const box = (colour, path) => `<svg class="icon" viewBox="0 0 20 20"><rect width="20" height="20" rx="4" fill="${colour}"/><path d="${path}" fill="none" stroke="#fff" stroke-width="2.5" stroke-linejoin="round"/></svg>`;
const ICONS = { '🔴': disc('#dd2e44'), '🟠': disc('#f4900c'), '🟢': disc('#2eb67d'), '✅': box('#2eb67d', 'M4 10l4 4 8-8'), '▶️': box('#3b88c3', 'M7 5l8 5-8 5z') };
const drawn = (html) => Object.entries(ICONS).reduce((all, [emoji, svg]) => all.replaceAll(emoji, svg), html);
const text = (object) => drawn(object.type === 'mrkdwn' ? mrkdwn(object.text) : lines(escape(object.text)));

function block(b) {
  switch (b.type) {
    case 'header': return `<h2>${text(b.text)}</h2>`;
    case 'section': {
      const fields = (b.fields ?? []).map((f) => `<div>${text(f)}</div>`).join('');
      return (b.text ? `<p>${text(b.text)}</p>` : '') + (fields ? `<div class="fields">${fields}</div>` : '');
    }
    case 'context': return `<div class="context">${b.elements.map(text).join('<i></i>')}</div>`;
    case 'rich_text': return b.elements.map((e) => `<pre>${escape(e.elements.map((x) => x.text).join(''))}</pre>`).join('');
    case 'data_visualization': return chart(b);
    default: return `<p>[${escape(b.type)}]</p>`;
  }
}

/** A line chart in Slack's manner. */
function chart(b) {
  const colours = ['#1d9bd1', '#e8912d', '#2eb67d', '#e01e5a', '#9b59b6'];
  const series = b.chart.series;
  const values = series.flatMap((s) => s.data.map((p) => p.value));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (i, n) => 34 + (i * 270) / Math.max(1, n - 1);
  const y = (v) => 120 - ((v - low) / (high - low || 1)) * 105;
  const paths = series.map((s, k) => `<polyline fill="none" stroke="${colours[k % 5]}" stroke-width="2" points="${s.data.map((p, i) => `${x(i, s.data.length)},${y(p.value)}`).join(' ')}"/>`).join('');
  const labels = series[0].data.filter((_, i, all) => i % Math.ceil(all.length / 4) === 0).map((p) => [p.label, series[0].data.indexOf(p)]);
  const ticks = labels.map(([l, i]) => `<text x="${x(i, series[0].data.length)}" y="136" text-anchor="middle">${escape(l)}</text>`).join('');
  const ends = [high, low].map((v) => `<text x="30" y="${y(v) + 4}" text-anchor="end">${Number(v.toPrecision(2))}</text>`).join('');
  const legend = series.map((s, k) => `<span><b style="background:${colours[k % 5]}"></b>${escape(s.name)}</span>`).join('');
  return `<div class="chart"><strong>${escape(b.title)}</strong><svg viewBox="0 0 310 140">${ticks}${ends}${paths}</svg><div>${legend}</div></div>`;
}

function message(m) {
  const beside = m.attachments.map((a) => `<div class="beside" style="border-color:${COLOURS[a.color] ?? a.color}">${a.blocks.map(block).join('')}</div>`).join('');
  const pictures = m.files.map((f) => `<img src="${new URL(join(dirname(file), f.file), 'file:///')}" alt="${escape(f.alt)}">`).join('');
  const where = m.thread ? `<div class="where">${m.broadcast ? 'in the thread, also sent to the channel' : 'in the thread'}</div>` : '';
  return `${where}<article><div class="face"><svg viewBox="0 0 36 36"><circle cx="18" cy="18" r="10"/><path d="M18 12v6l4 3"/></svg></div><div class="body"><div class="who"><b>watch</b> <em>APP</em> <small>${m.edited ? '(edited)' : ''}</small></div>
${m.blocks.length ? m.blocks.map(block).join('') : `<p>${mrkdwn(m.text)}</p>`}${beside}${pictures}</div></article>`;
}

console.log(`<!doctype html><meta charset="utf-8"><title>${basename(file, '.json')}</title><style>
body { margin: 0; width: 390px; background: #fff; color: #1d1c1d; font: 15px/1.42 Lato, "DejaVu Sans", sans-serif; }
article { display: flex; gap: 10px; padding: 10px 14px; }
.face { width: 36px; height: 36px; border-radius: 8px; background: #1f2937; flex: none; }
.face svg { fill: none; stroke: #fff; stroke-width: 2.5; stroke-linecap: round; }
.icon { width: 17px; height: 17px; vertical-align: -2px; }
.body { min-width: 0; flex: 1; }
.who em { font: 700 9px Lato; background: #e8e8e8; color: #616061; border-radius: 3px; padding: 1px 3px; vertical-align: 2px; }
.who small, .where { color: #616061; font-size: 12px; }
.where { padding: 8px 14px 0 60px; border-top: 1px solid #eee; }
h2 { font-size: 18px; line-height: 1.3; margin: 2px 0 4px; overflow-wrap: anywhere; }
p { margin: 2px 0 6px; overflow-wrap: anywhere; }
.beside { border-left: 4px solid; border-radius: 4px; padding-left: 10px; margin: 6px 0; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 12px; margin: 2px 0 6px; overflow-wrap: anywhere; }
.context { color: #616061; font-size: 12px; overflow-wrap: anywhere; }
.context i { display: inline-block; width: 8px; }
pre { font: 11.5px/1.45 "Roboto Mono", "DejaVu Sans Mono", monospace; background: #f8f8f8; border: 1px solid #ddd; border-radius: 4px; padding: 7px; margin: 4px 0 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
img { max-width: 100%; border-radius: 8px; border: 1px solid #ddd; margin-top: 4px; }
.chart { border: 1px solid #ddd; border-radius: 8px; padding: 8px; margin: 4px 0; }
.chart text { font-size: 9px; fill: #616061; }
.chart span { font-size: 12px; margin-right: 10px; color: #616061; }
.chart span b { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 4px; }
</style>${messages.map(message).join('\n')}`);
