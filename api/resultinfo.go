package api

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
	"github.com/go-json-experiment/json/jsontext"
)

type resultInfo struct {
	generated.ResultInfo
	more pageHint
}

// UnmarshalMember takes precedence over that of the generated type.
func (i *resultInfo) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	if known, err = i.more.read(d, name); known {
		return known, err
	}
	return i.ResultInfo.UnmarshalMember(d, name)
}

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

// pointsOn tells whether a member of such a name stands for more. Null, false and
// what is empty do not.
func pointsOn(v jsontext.Value) bool {
	switch v.Kind() {
	case jsontext.KindInvalid, jsontext.KindNull, jsontext.KindFalse:
		return false
	case jsontext.KindBeginArray:
		return len(itemsOf(v)) > 0
	case jsontext.KindBeginObject:
		for _, member := range membersOf(v) {
			if pointsOn(member) {
				return true
			}
		}
		return false
	default:
		return string(v) != `""`
	}
}

func fillInfo(list *AssociationList, info *resultInfo, more pageHint, body []byte) error {
	if info == nil {
		list.Truncated = isTruncated(len(list.Associations), ResultInfo{}, bool(more))
		return nil
	}
	var err error
	count := func(name string, f float64) int64 {
		n, problem := toCount(name, f, body)
		err = errors.Join(err, problem)
		return n
	}
	list.Info = &ResultInfo{
		Count:      count("count", info.Count),
		Page:       count("page", info.Page),
		PerPage:    count("per_page", info.PerPage),
		TotalCount: count("total_count", info.TotalCount),
		TotalPages: count("total_pages", info.TotalPages),
	}
	list.Truncated = isTruncated(len(list.Associations), *list.Info, bool(more || info.more))
	return err
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

func toCount(name string, f float64, body []byte) (int64, error) {
	switch {
	case f != math.Trunc(f):
		return 0, fmt.Errorf("/result_info/%s is not an integer", name)
	case math.Abs(f) > maxExact, math.Abs(f) == maxExact && !isExactly(body, name, f):
		return 0, fmt.Errorf("/result_info/%s is beyond 2^53", name)
	case f == 0 && mayUnderflow(body) && strings.Trim(mantissa(rawInfo(body, name)), "-0.") != "":
		return 0, fmt.Errorf("/result_info/%s is not an integer", name)
	}
	return int64(f), nil
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
