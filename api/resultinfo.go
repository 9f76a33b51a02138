package api

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/strictjson"
	"github.com/go-json-experiment/json/jsontext"
)

// pageHint is whether the answer points to more than it holds, in a member of a
// name that APIs use for it. This operation has none of them today; cursor and
// cursors are those of other operations of the vendor.
type pageHint bool

func (h *pageHint) read(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "cursor", "cursors", "next", "next_cursor", "next_page", "next_page_token", "has_more":
		var v jsontext.Value
		err = d.Read(&v)
		*h = *h || pageHint(err == nil && pointsOn(v))
		return true, err
	default:
		return false, nil
	}
}

// pointsOn reports whether a member of such a name stands for more. Null, false
// and what is empty do not, nor does an object of nothing else. It reads v once,
// however deep the objects in it are.
func pointsOn(v jsontext.Value) bool {
	dec := lenientDecoder(v)
	for {
		container, read := dec.StackIndex(dec.StackDepth())
		isName := container == jsontext.KindBeginObject && read%2 == 0
		token, err := dec.ReadToken()
		if err != nil {
			return false // the end
		}
		switch token.Kind() {
		case jsontext.KindString:
			if !isName && token.String() != "" {
				return true
			}
		case jsontext.KindBeginArray:
			if dec.PeekKind() != jsontext.KindEndArray {
				return true
			}
		case jsontext.KindNumber, jsontext.KindTrue:
			return true
		}
	}
}

// linksOn tells whether a Link header points to the next page.
func linksOn(h http.Header) bool {
	for _, links := range h["Link"] {
		for links != "" {
			// Parameters, then a target in brackets, which may hold any of the signs.
			parameters, rest, _ := strings.Cut(links, "<")
			for parameter := range strings.FieldsFuncSeq(parameters, func(r rune) bool { return r == ';' || r == ',' }) {
				name, value, _ := strings.Cut(parameter, "=")
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.ContainsFunc(
					strings.Fields(strings.ReplaceAll(value, `"`, " ")), func(s string) bool { return strings.EqualFold(s, "next") }) {
					return true
				}
			}
			_, links, _ = strings.Cut(rest, ">")
		}
	}
	return false
}

func fillInfo(list *AssociationList, info *resultInfo, more pageHint, body []byte) error {
	if info == nil {
		list.Truncated = isTruncated(len(list.Associations), ResultInfo{}, bool(more))
		return nil
	}
	var err error
	list.Info = &ResultInfo{
		Count:      toCount("count", info.Count, body, &err),
		Page:       toCount("page", info.Page, body, &err),
		PerPage:    toCount("per_page", info.PerPage, body, &err),
		TotalCount: toCount("total_count", info.TotalCount, body, &err),
		TotalPages: toCount("total_pages", info.TotalPages, body, &err),
	}
	list.Truncated = isTruncated(len(list.Associations), *list.Info, bool(more || info.more))
	return err
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

// toCount takes a count as the contract has it: as a number today, and as an
// integer if the vendor makes one of it. What is wrong is joined to problem.
func toCount[N int64 | float64](name string, n N, body []byte, problem *error) int64 {
	switch f := float64(n); {
	case f != math.Trunc(f),
		f == 0 && mayUnderflow(body) && strings.Trim(mantissa(rawInfo(body, name)), "-0.") != "":
		*problem = errors.Join(*problem, fmt.Errorf("/result_info/%s is not an integer", name))
		return 0
	case math.Abs(f) > maxExact, math.Abs(f) == maxExact && !isExactly(body, name, f):
		*problem = errors.Join(*problem, fmt.Errorf("/result_info/%s is beyond 2^53", name))
		return 0
	}
	return int64(n)
}

// isExactly tells 2^53 from 2^53+1, which are the same float64.
func isExactly(body []byte, name string, f float64) bool {
	return strings.TrimSuffix(rawInfo(body, name), ".0") == fmt.Sprintf("%.0f", f)
}

// mayUnderflow spares most answers a second look for numbers such as 1e-400,
// which float64 cannot tell from 0.
func mayUnderflow(body []byte) bool {
	return bytes.Contains(body, []byte("0.")) || bytes.Contains(body, []byte("e-")) || bytes.Contains(body, []byte("E-"))
}

func mantissa(number string) string {
	if end := strings.IndexAny(number, "eE"); end >= 0 {
		return number[:end]
	}
	return number
}

// rawInfo is a member of result_info as it stands in the body, or "".
func rawInfo(body []byte, name string) string {
	raw := membersOf(membersOf(body)["result_info"])[name]
	if raw.Kind() != jsontext.KindNumber {
		return ""
	}
	return string(raw)
}
