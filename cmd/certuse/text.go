package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable makes text from the service, a file or an argument safe for a terminal:
// each character that is not printable is written as a Go escape. That covers control
// and escape sequences, line breaks, C1 controls, bidirectional overrides and invalid
// UTF-8.
func printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		text := s[:size]
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			text = strings.Trim(strconv.Quote(text), `"`)
		}
		b.WriteString(text)
		s = s[size:]
	}
	return b.String()
}

// shorten limits the length of a table cell.
func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	return string(runes[:limit-1]) + "…"
}

// wrap breaks text into lines of less than 80 columns. It indents all lines but the
// first, and leaves room for the caller to indent that one.
func wrap(text string) string {
	const indent = "  "
	var b strings.Builder
	width := len(indent)
	for i, word := range strings.Fields(text) {
		switch n := utf8.RuneCountInString(word); {
		case i == 0:
			width += n
		case width+1+n >= 80:
			b.WriteString("\n" + indent)
			width = len(indent) + n
		default:
			b.WriteByte(' ')
			width += 1 + n
		}
		b.WriteString(word)
	}
	return b.String()
}

func texts[T any](items []T, text func(T) string) (out []string) {
	for _, item := range items {
		out = append(out, text(item))
	}
	return out
}

// plural returns "1 certificate" and "2 certificates".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// count formats a number with separators between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
