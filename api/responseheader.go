package api

import (
	"net/http"
	"slices"
	"strings"
)

// hasNextLink reports whether a Link header (RFC 8288) has a link to the next
// page. A header that does not follow the grammar may hide one, so it counts.
func hasNextLink(h http.Header) bool { return anyLine(h["Link"], parseLinks) }

// anyLine reports whether parse finds something in one of the lines, or cannot
// read it.
func anyLine(lines []string, parse func(line string) (found, ok bool)) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		found, ok := parse(line)
		return found || !ok
	})
}

// parseLinks reports whether one of the links in a line has the relation "next",
// and whether the line follows the grammar.
func parseLinks(line string) (next, ok bool) {
	s := fieldScanner{line}
	for s.nextItem() {
		if !s.take('<') {
			return next, false
		}
		target, rest, closed := strings.Cut(s.rest, ">")
		if !closed || strings.ContainsAny(target, "<\" \t") {
			return next, false
		}
		s.rest = rest
		for s.take(';') {
			name, value := s.token(), ""
			if name == "" {
				return next, false
			}
			if s.take('=') {
				if value, ok = s.value(); !ok {
					return next, false
				}
			}
			if strings.EqualFold(name, "rel") {
				for relation := range strings.FieldsSeq(value) {
					next = next || strings.EqualFold(relation, "next")
				}
			}
		}
		if !s.atItemEnd() {
			return next, false
		}
	}
	return next, true
}

// isPart reports whether the response is, by its header, a part of something.
func isPart(h http.Header) bool { return len(h["Content-Range"]) > 0 }

// isStale reports whether the response says that a cache has stored it for some
// time (Age, RFC 9111) or could not check that it is current (Warning, RFC 7234).
// A header that does not follow the grammar may say so, so it counts.
func isStale(h http.Header) bool {
	return anyLine(h["Age"], parseAge) || anyLine(h["Warning"], parseWarnings)
}

func parseAge(line string) (stale, ok bool) {
	age := strings.TrimSpace(line)
	return strings.Trim(age, "0") != "", isDigits(age)
}

// parseWarnings reports whether one of the warnings in a line, for example
// 110 cache.example "stale", says that the response is or may be stale, and
// whether the line follows the grammar.
func parseWarnings(line string) (stale, ok bool) {
	s := fieldScanner{line}
	for s.nextItem() {
		code := s.token()
		stale = stale || code == "110" || code == "111" || code == "112" || code == "113"
		s.skip(" \t")
		end := strings.IndexAny(s.rest, " \t\",")
		if len(code) != 3 || !isDigits(code) || end <= 0 {
			return stale, false
		}
		s.rest = s.rest[end:]                                // without the name of the cache
		for part := 0; part == 0 || !s.atItemEnd(); part++ { // a text, and perhaps a date
			if _, quoted := s.quoted(); !quoted || part > 1 {
				return stale, false
			}
		}
	}
	return stale, true
}

// fieldScanner reads a header line from left to right, by the grammar that the
// fields of HTTP share (RFC 9110, section 5.6). White space between the parts
// is skipped.
type fieldScanner struct{ rest string }

func (s *fieldScanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

// nextItem moves to the next item of a list, past empty ones.
func (s *fieldScanner) nextItem() bool {
	s.skip(", \t")
	return s.rest != ""
}

// atItemEnd reports whether the item of a list has been read to its end.
func (s *fieldScanner) atItemEnd() bool {
	s.skip(" \t")
	return s.rest == "" || s.rest[0] == ','
}

// take reads the character c if it comes next.
func (s *fieldScanner) take(c byte) bool {
	s.skip(" \t")
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// token reads a token; it is empty if none comes next.
func (s *fieldScanner) token() string {
	s.skip(" \t")
	end := 0
	for end < len(s.rest) && isTokenByte(s.rest[end]) {
		end++
	}
	token := s.rest[:end]
	s.rest = s.rest[end:]
	return token
}

// value reads a token or a quoted string.
func (s *fieldScanner) value() (value string, ok bool) {
	if token := s.token(); token != "" {
		return token, true
	}
	return s.quoted()
}

// quoted reads a quoted string and returns it without quotes and escapes.
func (s *fieldScanner) quoted() (value string, ok bool) {
	if !s.take('"') {
		return "", false
	}
	var text []byte
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return string(text), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			text = append(text, s.rest[i])
		default:
			text = append(text, c)
		}
	}
	return "", false
}

func isTokenByte(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return true
	default:
		return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	}
}
