package main

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// columnGap separates the columns of a table.
const columnGap = "  "

// cellWidth measures characters independently of the locale.
var cellWidth = &runewidth.Condition{StrictEmojiNeutral: true}

// textWidth returns the largest width of text in a terminal. Some terminals combine
// characters that others show one by one, such as the two letters of a flag.
func textWidth(s string) (width int) {
	for _, r := range s {
		width += characterWidth(r)
	}
	return width
}

func characterWidth(r rune) int {
	// U+FE0F is the only mark that may make the character before it wider.
	if r != '\ufe0f' && unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	return cellWidth.RuneWidth(r)
}

// truncate shortens text to a width of at least 1.
func truncate(s string, width int) string {
	if textWidth(s) <= width {
		return s
	}
	for i, r := range s {
		if width -= characterWidth(r); width < 1 {
			return s[:i] + "…"
		}
	}
	return s
}

// tableColumn is a column with its cells.
type tableColumn struct {
	column
	cells   []string
	natural int // the width of the widest cell
	width   int
}

// writeTable writes rows in columns. Without a list of certificates it writes nothing,
// because a header alone would look like an account without certificates. If the report
// has a width, no line exceeds it: columns become narrower, and some are dropped.
func writeTable(r *report) error {
	rows := r.rows()
	var columns []*tableColumn
	for _, c := range r.columns {
		tc := &tableColumn{column: c}
		if r.headers && !r.summary.noList() {
			tc.cells = append(tc.cells, c.title)
		}
		for _, row := range rows {
			tc.cells = append(tc.cells, orDash(shorten(printable(c.text(row)), maxCell)))
		}
		for _, text := range tc.cells {
			tc.natural = max(tc.natural, textWidth(text))
		}
		tc.width = tc.natural
		columns = append(columns, tc)
	}
	if r.width > 0 {
		order := dropOrder
		if r.kind == reportUsage {
			order = dropOrderOfUses
		}
		columns = fit(columns, r.width, order)
	}
	for _, c := range columns {
		c.cut(rows)
	}

	var text bytes.Buffer
	lines := len(columns[0].cells)
	first := lines - len(rows) // after the header
	for i := range lines {
		var line strings.Builder
		for at, c := range columns {
			cell := c.cells[i]
			if at < len(columns)-1 {
				cell += strings.Repeat(" ", max(0, c.width-textWidth(cell))) + columnGap
			}
			if i < first {
				line.WriteString(r.colors.bold(cell))
			} else {
				line.WriteString(r.colors.cell(c.key, &rows[i-first], cell))
			}
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := r.out.Write(text.Bytes())
	return err
}

// maxCell is the maximum number of characters in a cell. The machine formats are not
// cut.
const maxCell = 500

func (c *tableColumn) minWidth() int {
	if c.min == 0 {
		return c.natural
	}
	return min(c.min, c.natural)
}

// fit drops columns until the others fit at their minimum width, and shares the
// remaining width among them.
func fit(columns []*tableColumn, width int, order []string) []*tableColumn {
	needed := func() int {
		sum := len(columnGap) * (len(columns) - 1)
		for _, c := range columns {
			sum += c.minWidth()
		}
		return sum
	}
	for _, key := range order {
		if needed() <= width || len(columns) == 1 {
			break
		}
		columns = slices.DeleteFunc(columns, func(c *tableColumn) bool { return c.key == key && len(columns) > 1 })
	}
	room := width - needed()
	for _, c := range columns {
		c.width = c.minWidth()
		if room < 0 { // a single column
			c.width = width
		}
	}
	for _, step := range growOrder {
		for _, c := range columns {
			wanted := c.natural - c.width
			if step.limit > 0 {
				wanted = min(wanted, step.limit-c.width)
			}
			if c.key != step.key || wanted <= 0 || c.whole && wanted > room {
				continue
			}
			more := min(wanted, max(room, 0))
			c.width += more
			room -= more
		}
	}
	return columns
}

// cut shortens the cells to the width of the column.
func (c *tableColumn) cut(rows []row) {
	first := len(c.cells) - len(rows)
	for i, text := range c.cells {
		if textWidth(text) <= c.width {
			continue
		}
		if c.short != nil && i >= first {
			text = orDash(printable(c.short(rows[i-first])))
		}
		c.cells[i] = truncate(text, c.width)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
