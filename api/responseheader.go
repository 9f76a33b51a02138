package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// A Link header with invalid syntax counts as a link to the next page. An invalid Age,
// Warning or Cache-Status header counts as the sign of a stale response.

// hasNextLink reports whether a Link header (RFC 8288) has a link to the next page.
func hasNextLink(h http.Header) bool { return slices.ContainsFunc(h["Link"], hasNextRelation) }

// hasNextRelation reports whether a link in a line has the relation "next".
func hasNextRelation(line string) bool {
	masked, texts, ok := mask(line)
	if !ok {
		return true
	}
	for _, link := range strings.Split(masked, ",") {
		parts := strings.Split(trim(link), ";")
		switch {
		case len(parts) == 1 && parts[0] == "":
			continue
		case trim(parts[0]) != targetMark:
			return true
		}
		for _, param := range parts[1:] {
			name, value, hasValue := strings.Cut(param, "=")
			name, value = trim(name), trim(value)
			switch {
			case value == textMark:
				value, texts = texts[0], texts[1:]
			case hasValue && !isToken(value):
				return true
			}
			isNext := func(relation string) bool { return strings.EqualFold(relation, "next") }
			if !isToken(name) || strings.EqualFold(name, "rel") && slices.ContainsFunc(strings.Fields(value), isNext) {
				return true
			}
		}
	}
	return false
}

// isStale reports whether a cache has stored the response for some time (Age, RFC
// 9111), could not validate it (Warning, RFC 7234), or has sent it without asking the
// server (Cache-Status, RFC 9211, and the vendor's CF-Cache-Status).
func isStale(h http.Header) bool {
	return slices.ContainsFunc(h["Age"], isStaleAge) || slices.ContainsFunc(h["Warning"], isStaleWarning) ||
		hasCacheHit(h["Cache-Status"]) || slices.ContainsFunc(h["Cf-Cache-Status"], isCloudflareHit)
}

// hasCacheHit reports whether a line of a Cache-Status header names a cache with a hit.
func hasCacheHit(lines []string) bool {
	caches, err := httpsfv.UnmarshalList(lines)
	return err != nil || slices.ContainsFunc(caches, func(cache httpsfv.Member) bool {
		item, ok := cache.(httpsfv.Item)
		if !ok {
			return true
		}
		hit, has := item.Params.Get("hit")
		return has && hit != false
	})
}

// isCloudflareHit reports whether a CF-Cache-Status means that the response is from the
// cache and was not validated, by
// https://developers.cloudflare.com/cache/concepts/cache-responses/.
func isCloudflareHit(status string) bool {
	return slices.Contains([]string{"hit", "stale", "updating"}, strings.ToLower(strings.TrimSpace(status)))
}

func isStaleAge(line string) bool {
	age := strings.TrimSpace(line)
	return strings.Trim(age, "0") != "" || !isDigits(age)
}

// isStaleWarning reports whether a warning in a line, for example 110 cache.example
// "stale", means that the response is or may be out of date. Each warning has a code,
// the name of a cache, a text, and optionally a date.
func isStaleWarning(line string) bool {
	masked, _, ok := mask(line)
	if !ok {
		return true
	}
	isNoText := func(field string) bool { return field != textMark }
	for _, warning := range strings.Split(masked, ",") {
		fields := strings.Fields(warning)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 3 || len(fields) > 4 || slices.ContainsFunc(fields[2:], isNoText) || strings.ContainsAny(fields[1], textMark+targetMark) {
			return true
		}
		if code := fields[0]; len(code) != 3 || !isDigits(code) || slices.Contains([]string{"110", "111", "112", "113"}, code) {
			return true
		}
	}
	return false
}

// The marks that replace a quoted string and the target of a link in a masked line.
const (
	textMark   = "\x01"
	targetMark = "\x02"
)

// mask replaces each quoted string (RFC 9110, section 5.6) and each target of a link in
// a header line by a mark, so that the line can be split at its separators. It returns
// the strings, without quotes and escapes. ok is false if a string or target is not
// terminated, or the line has an invalid character.
func mask(line string) (masked string, texts []string, ok bool) {
	var out, text []byte
	end := byte(0) // of the string or target that has begun
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case end == 0 && c == '"':
			end, text = '"', nil
		case end == 0 && c == '<':
			end = '>'
		case end == 0 && c < ' ' && c != '\t':
			return "", nil, false // such as a mark
		case end == 0:
			out = append(out, c)
		case c == end && c == '"':
			out, texts, end = append(out, textMark...), append(texts, string(text)), 0
		case c == end:
			out, end = append(out, targetMark...), 0
		case end == '>' && strings.IndexByte("<\" \t", c) >= 0:
			return "", nil, false
		case end == '"' && c == '\\' && i+1 < len(line):
			i++
			text = append(text, line[i])
		default:
			text = append(text, c)
		}
	}
	return string(out), texts, end == 0
}

func trim(s string) string { return strings.Trim(s, " \t") }

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return isNotInID(c) && !strings.ContainsRune("!#$%&'*+.^`|~", c) })
}
