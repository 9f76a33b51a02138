package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

// pageSend makes the request for the page with a number, of perPage items; 0 stands
// for the first page and for the API's own size.
type pageSend func(ctx context.Context, number, perPage float64, edit generated.RequestEditorFn) (*http.Response, error)

// pages goes through a list page by page. rows reads a page, id identifies an item
// ("" does not), invalid is what is wrong with the caller's arguments, and onPage,
// if not nil, is called with the numbers of each page.
//
// A further page is asked for only when the numbers of the last one say that
// there is more. Every item is yielded once. An error comes last, with a zero
// item: of a call; ErrUnexpectedResponse when the server answers another page
// than the one that was asked for, or a response that carries errors or may be an old one; and
// ErrTruncated when not all items came.
func pages[T, R any, P generatedType[T]](ctx context.Context, c *Client, op operation, policy callPolicy, invalid error, perPage int64, rows list[T, R, P], onPage func(number int64, info *ResultInfo), id func(R) string, send pageSend) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		if err := c.check(ctx, invalid); err != nil {
			yield(none, invalidArgument(op.text, err.Error()))
			return
		}
		rows, perPage, seen, received := rows, perPage, map[string]bool{}, 0
		for number := int64(1); ; number++ {
			asked := number
			if number == 1 {
				asked = 0
			}
			r, fail := c.do(ctx, op, policy, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
				return send(ctx, float64(asked), float64(perPage), edit)
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
			before := received
			for _, item := range rows.items {
				key := id(item)
				if key != "" && seen[key] {
					continue
				}
				seen[key] = true
				received++
				if !yield(item, nil) {
					return
				}
			}
			if fail := r.current(op); fail != nil {
				yield(none, fail)
				return
			}
			if info := r.info; info != nil && (info.Count > int64(len(rows.items)) || info.negative()) {
				yield(none, r.fail(op, ErrTruncated, fmt.Sprintf("page %d holds %d items, which its numbers contradict", number, len(rows.items))))
				return
			}
			if r.info == nil && perPage > 0 && int64(len(rows.items)) >= perPage {
				yield(none, r.fail(op, ErrTruncated, "a full page without numbers, which more may follow"))
				return
			}
			if !r.hasNext(number, len(rows.items), received) {
				if problem := r.short(received); problem != "" {
					yield(none, r.fail(op, ErrTruncated, problem))
				}
				return
			}
			if received == before {
				yield(none, r.fail(op, ErrUnexpectedResponse, fmt.Sprintf("page %d holds nothing new although more items exist", number)))
				return
			}
			if perPage == 0 {
				perPage = r.info.PerPage
			}
		}
	}
}

// short says why a list that has ended after received items is not whole, or "".
func (r *reply) short(received int) string {
	switch {
	case r.more:
		return "the response points to more in a way that this client does not follow"
	case r.info != nil && r.info.TotalCount > 0 && r.info.TotalCount != int64(received):
		return fmt.Sprintf("%d of %d items came: the list changed while it was read", received, r.info.TotalCount)
	default:
		return ""
	}
}

// hasNext reports whether the numbers of a page with some items say that another
// one follows. received is the number of items so far.
func (r *reply) hasNext(number int64, items, received int) bool {
	switch info := r.info; {
	case info == nil:
		return false
	case info.TotalPages > 0:
		return info.TotalPages > number
	case info.TotalCount > 0:
		return info.TotalCount > int64(received) && items > 0
	default:
		return info.PerPage > 0 && int64(items) >= info.PerPage
	}
}

// current returns why a response does not say what is so now: it carries errors,
// or comes from a cache.
func (r *reply) current(op operation) *Error {
	switch {
	case len(r.errors) > 0:
		return r.fail(op, ErrUnexpectedResponse, "a success that carries errors")
	case r.stale:
		return r.fail(op, ErrUnexpectedResponse, "the response may be an old one")
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
