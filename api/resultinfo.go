package api

import (
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// ResultInfo is the paging information of an [AssociationList]. A number that the API
// did not send is 0. The API has no request for another page of the list. The numbers
// can only show that the list is incomplete.
type ResultInfo struct {
	// Count is the number of associations on this page.
	Count int64 `json:"count"`
	// Page is the number of this page; the first is 1.
	Page int64 `json:"page"`
	// PerPage is how many associations fit on a page.
	PerPage int64 `json:"per_page"`
	// TotalCount is the number of associations on all pages.
	TotalCount int64 `json:"total_count"`
	// TotalPages is the number of pages.
	TotalPages int64 `json:"total_pages"`
}

// pageHint reports whether a member such as cursor or next_page refers to further
// items. The vendor itself uses only the names cursor and cursors.
type pageHint bool

func (h *pageHint) read(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "cursor", "cursors", "next", "next_cursor", "next_page", "next_page_token", "has_more":
		var v jsontext.Value
		err = d.Read(&v)
		*h = *h || pageHint(err == nil && refersToMore(v))
		return true, err
	default:
		return false, nil
	}
}

// refersToMore reports whether the value of a pageHint member refers to further items:
// all values do, except null, false, empty texts and arrays, and objects of only these.
func refersToMore(v jsontext.Value) bool {
	dec := lenientDecoder(v)
	for {
		container, read := dec.StackIndex(dec.StackDepth())
		isName := container == jsontext.KindBeginObject && read%2 == 0
		token, err := dec.ReadToken()
		if err != nil {
			return false // the end of v
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

// pagingNumbers returns the numbers of result_info as integers.
func pagingNumbers(info *generated.ResultInfo) (*ResultInfo, error) {
	var err error
	out := &ResultInfo{
		Count:      toCount("count", info.Count, &err),
		Page:       toCount("page", info.Page, &err),
		PerPage:    toCount("per_page", info.PerPage, &err),
		TotalCount: toCount("total_count", info.TotalCount, &err),
		TotalPages: toCount("total_pages", info.TotalPages, &err),
	}
	return out, err
}

// toCount converts a count, which is a number in the contract today and may become an
// integer. strictjson has refused each number within int64 that float64 would round to
// a whole number. Errors are joined to problem.
func toCount[N int64 | float64](name string, n N, problem *error) int64 {
	fault := "is not an integer"
	switch {
	case float64(n) != math.Trunc(float64(n)):
	case n < -strictjson.MaxExact, n > strictjson.MaxExact:
		fault = "is beyond 2^53"
	default:
		return int64(n)
	}
	*problem = errors.Join(*problem, fmt.Errorf("/result_info/%s %s", name, fault))
	return 0
}

// noTotals reports whether the numbers do not include the length of the list.
func (i *ResultInfo) noTotals() bool { return i.TotalCount == 0 && i.TotalPages == 0 }

// contradicts reports whether a number is negative, or Count exceeds n, the number of
// items on the page.
func (i *ResultInfo) contradicts(n int) bool {
	return i.Count > int64(n) || min(i.Count, i.Page, i.PerPage, i.TotalCount, i.TotalPages) < 0
}

// hasNext reports whether another page follows, by the numbers of a page with n items.
// received is the number of items up to and including this page.
func (i *ResultInfo) hasNext(number int64, n, received int) bool {
	switch {
	case i.TotalPages > 0:
		return i.TotalPages > number
	case i.TotalCount > 0:
		return i.TotalCount > int64(received) && n > 0
	default:
		return i.PerPage > 0 && int64(n) >= i.PerPage
	}
}

// isTruncated reports whether a list without pages may have more than its n rows. info
// may be nil. hint reports that something other than these numbers refers to further
// items.
func isTruncated(n int, info *ResultInfo, hint bool) bool {
	return hint || info != nil && (info.contradicts(n) || info.Page > 1 || info.TotalCount > int64(n) || info.hasNext(1, n, n))
}
