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
	cursor, cursors jsontext.Value
}

// UnmarshalMember takes precedence over that of the generated type.
func (i *resultInfo) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "cursor":
		return true, d.Read(&i.cursor)
	case "cursors":
		return true, d.Read(&i.cursors)
	}
	return i.ResultInfo.UnmarshalMember(d, name)
}

// hasCursor tells whether the answer points to more. Only null, the empty
// string and the empty object do not.
func (i *resultInfo) hasCursor() bool {
	return pointsOn(i.cursor) || pointsOn(i.cursors)
}

func pointsOn(v jsontext.Value) bool {
	switch v.Kind() {
	case jsontext.KindInvalid, jsontext.KindNull:
		return false
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

func fillInfo(list *AssociationList, info *resultInfo, body []byte) error {
	if info == nil {
		list.Truncated = isTruncated(len(list.Associations), ResultInfo{}, false)
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
	list.Truncated = isTruncated(len(list.Associations), *list.Info, info.hasCursor())
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
