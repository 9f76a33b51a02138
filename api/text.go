package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of texts from servers and transports, in bytes.
const (
	maxKeptText  = 1024 // of a field
	maxErrorPart = 120  // of a part of [Error.Error]
	maxErrorLine = 240  // of [Error.Error] without the suffix
	maxErrorText = 299  // of [Error.Error]
)

// Error returns one line of fewer than 300 characters: the operation, the HTTP status,
// the API's codes and first message, the class or what is wrong, the cause, for a 403
// the required permission, for a response the wait before another call, the Ray ID, and
// the number of attempts if there were several. Do not parse the line: it may change,
// and the codes are in Details.
func (e *Error) Error() string {
	if e.text != "" {
		return oneLine(e.text, maxErrorText)
	}
	parts := []string{cmp.Or(e.operation, "cloudflare-mtls")}
	if e.StatusCode != 0 {
		parts = append(parts, strings.TrimSpace("HTTP "+strconv.Itoa(e.StatusCode)+" "+http.StatusText(e.StatusCode)))
	}
	if len(e.Details) > 0 {
		parts = append(parts, describeDetails(e.Details))
	}
	for _, kind := range e.kinds {
		if e.note == "" || kind == ErrInvalidArgument {
			parts = append(parts, kind.Error())
		}
	}
	if e.note != "" {
		parts = append(parts, oneLine(e.note, maxErrorPart))
	}
	if len(e.causes) > 0 {
		parts = append(parts, oneLine(e.causes[0].Error(), maxErrorPart))
	}
	suffix := e.suffix()
	return truncate(strings.Join(parts, ": "), min(maxErrorLine, maxErrorText-len(suffix))) + suffix
}

func (e *Error) suffix() string {
	var facts []string
	if permission := e.missingPermission(); permission != "" {
		facts = append(facts, fmt.Sprintf("needs the permission %q", permission))
	}
	if wait := e.RetryAfter.Round(time.Second); wait > 0 && e.StatusCode != 0 {
		facts = append(facts, "retry after "+wait.String())
	}
	if e.RayID != "" {
		facts = append(facts, "ray "+oneLine(e.RayID, maxRayID))
	}
	if e.Attempts > 1 {
		facts = append(facts, strconv.Itoa(e.Attempts)+" attempts")
	}
	if len(facts) == 0 {
		return ""
	}
	return " (" + strings.Join(facts, ", ") + ")"
}

// describeDetails returns the first message with its code, and at most four of the
// other codes, including those of chains.
func describeDetails(details []ErrorDetail) string {
	var others []string
	collectCodes(details, &others)
	first := details[0]
	text := oneLine(first.Message, maxErrorPart)
	if first.Code != 0 {
		text = fmt.Sprintf("code %d: %s", first.Code, text)
		others = others[1:]
	}
	if len(others) > 0 {
		text += " (also " + strings.Join(others[:min(len(others), 4)], ", ") + ")"
	}
	return text
}

func collectCodes(details []ErrorDetail, codes *[]string) {
	for _, d := range details {
		if d.Code != 0 {
			*codes = append(*codes, strconv.Itoa(d.Code))
		}
		collectCodes(d.Chain, codes)
	}
}

// oneLine returns s without control and formatting characters, with single spaces, of
// at most limit bytes.
func oneLine(s string, limit int) string {
	s = truncate(s, 4*limit)
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return truncate(strings.Join(strings.Fields(s), " "), limit)
}

// truncate shortens s to at most limit bytes without splitting a character.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
