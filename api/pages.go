package api

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

// pageSend makes the request for the page with a number, of perPage items; 0 stands
// for the first page and for the API's own size.
type pageSend func(ctx context.Context, number, perPage float64, edit generated.RequestEditorFn) (*http.Response, error)

// paged is an operation whose result is a list that has pages.
type paged[T, R any, P generatedType[T]] struct {
	operation
	rows list[T, R, P]  // reads a page
	id   func(R) string // identifies an item; "" does not
	send pageSend
	// perPage is the size to ask for; 0: the API's own.
	perPage int64
	// filtered says that the API leaves items out, which total_count may include.
	filtered bool
}

// all goes through the list page by page. invalid is what is wrong with the
// caller's arguments, and onPage, if not nil, is called with the numbers of each page.
//
// A further page is asked for only when the numbers of the last one say that
// there is more. Every item is yielded once. An error comes last, with a zero
// item: of a call; ErrUnexpectedResponse when the server answers another page
// than the one that was asked for, or a response that carries errors or may be an
// old one; and ErrTruncated when not all items came, or when the pages do not show
// that all did.
func (p paged[T, R, P]) all(ctx context.Context, c *Client, policy callPolicy, invalid error, onPage func(number int64, info *ResultInfo)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		op := p.operation
		if err := c.check(ctx, invalid); err != nil {
			yield(none, invalidArgument(op.text, err.Error()))
			return
		}
		rows, seen, l := p.rows, map[string]bool{}, listing{perPage: p.perPage, filtered: p.filtered}
		for number := int64(1); ; number++ {
			asked := number
			if number == 1 {
				asked = 0
			}
			r, fail := c.do(ctx, op, policy, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
				return p.send(ctx, float64(asked), float64(l.perPage), edit)
			}, &rows)
			if fail != nil {
				yield(none, fail)
				return
			}
			if r.info != nil && r.info.Page != number && (r.info.Page != 0 || number > 1) {
				yield(none, r.fail(op, ErrUnexpectedResponse, fmt.Sprintf("page %d was asked for and page %d answered", number, r.info.Page)))
				return
			}
			if onPage != nil {
				onPage(number, r.info)
			}
			before := l.received
			for _, item := range rows.items {
				key := p.id(item)
				if key != "" && seen[key] {
					continue
				}
				seen[key] = true
				l.received++
				if !yield(item, nil) {
					return
				}
			}
			if fail := r.current(op); fail != nil {
				yield(none, fail)
				return
			}
			next, gap := l.add(number, len(rows.items), r.info, r.more)
			switch {
			case gap != "":
				yield(none, r.fail(op, ErrTruncated, gap))
				return
			case !next:
				return
			case l.received == before:
				yield(none, r.fail(op, ErrUnexpectedResponse, fmt.Sprintf("page %d holds nothing new although more items exist", number)))
				return
			}
		}
	}
}

// defaultPageSize is the smallest page that the API makes of a list when the
// request names no size: that of Pages projects.
const defaultPageSize = 10

// listing is what the pages of a list say about it so far.
type listing struct {
	perPage  int64 // as requested; 0 until the first response has said it
	filtered bool
	received int        // items, each once
	first    ResultInfo // of page 1
}

// add adds a page with n items, whose numbers are info. It reports whether another
// page follows, and why the items may not be all up to here, or "".
//
// Only the first page of a list that fits on it may come without numbers. Two
// changes between pages that leave the total as it is, such as a deletion and an
// addition, do not show.
func (l *listing) add(number int64, n int, info *ResultInfo, more bool) (next bool, gap string) {
	numbers := ResultInfo{}
	if info != nil {
		numbers = *info
	}
	if number == 1 {
		l.first = numbers
	}
	changed := numbers.TotalCount != l.first.TotalCount || numbers.TotalPages != l.first.TotalPages ||
		numbers.noTotals() && numbers.PerPage != l.first.PerPage
	size := cmp.Or(l.perPage, defaultPageSize)
	unknownSize := numbers.PerPage == 0 || l.perPage > 0 && numbers.PerPage > l.perPage
	next = numbers.hasNext(number, n, l.received)
	l.perPage = cmp.Or(l.perPage, numbers.PerPage)
	switch {
	case info == nil && number > 1:
		gap = fmt.Sprintf("page %d has no numbers", number)
	case changed:
		gap = fmt.Sprintf("the numbers of page %d are not those of page 1: the list changed while it was read", number)
	case numbers.contradicts(n):
		gap = fmt.Sprintf("page %d holds %d items, which its numbers contradict", number, n)
	case numbers.noTotals() && unknownSize && int64(n) >= size:
		gap = "a full page without numbers, which more may follow"
	case next:
	case more:
		gap = "the response points to more in a way that this client does not follow"
	case l.filtered && numbers.TotalPages > 0: // total_count may be that of the whole list
	case numbers.TotalCount > 0 && numbers.TotalCount != int64(l.received):
		gap = fmt.Sprintf("%d of %d items came: the list changed while it was read", l.received, numbers.TotalCount)
	}
	return next, gap
}

// current returns why a response does not say what is so now: it carries errors,
// or comes from a cache.
func (r *reply) current(op operation) *Error {
	switch {
	case len(r.errors) > 0:
		return r.fail(op, ErrUnexpectedResponse, "a success that carries errors")
	case r.stale:
		return r.fail(op, ErrUnexpectedResponse, "the response may be an old one (Age or Warning header)")
	default:
		return nil
	}
}

// fail is the error of a list for which a successful response is not enough.
func (r *reply) fail(op operation, kind error, note string) *Error {
	return &Error{
		operation: op.text, StatusCode: r.status, Details: r.errors, Messages: r.messages,
		RayID: r.rayID, Attempts: r.attempts, kinds: []error{kind}, note: note,
	}
}
