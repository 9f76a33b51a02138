package api

import (
	"context"
	"fmt"
	"iter"
)

// page is one page of a list. R is an item.
type page[R any] struct {
	reply *reply
	items []R
}

// pages goes through a list page by page. get asks for the page with a number, of
// perPage items; 0 stands for the first page and for the vendor's own size. id
// identifies an item.
//
// A further page is asked for only when the numbers of the last one say that
// there is more. Every item is yielded once. An error comes last, with a zero
// item: of a call; ErrUnexpectedResponse when the server answers another page
// than the one that was asked for; and ErrTruncated when not all items came.
func pages[R any](ctx context.Context, op operation, perPage int64, get func(ctx context.Context, number, perPage int64) (*page[R], *Error), id func(R) string) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		seen := map[string]bool{}
		for number := int64(1); ; number++ {
			asked := number
			if number == 1 {
				asked = 0
			}
			p, fail := get(ctx, asked, perPage)
			if fail != nil {
				yield(none, fail)
				return
			}
			if info := p.reply.info; info != nil && info.Page != number && (info.Page != 0 || number > 1) {
				yield(none, p.reply.fail(op, ErrUnexpectedResponse, fmt.Sprintf("page %d was asked for and page %d answered", number, info.Page)))
				return
			}
			fresh := 0
			for _, item := range p.items {
				key := id(item)
				if seen[key] {
					continue
				}
				seen[key] = true
				fresh++
				if !yield(item, nil) {
					return
				}
			}
			more := p.hasNext(number, len(seen))
			switch info := p.reply.info; {
			case len(p.reply.errors) > 0:
				yield(none, p.reply.fail(op, ErrUnexpectedResponse, "a success that carries errors"))
				return
			case !more && p.reply.more:
				yield(none, p.reply.fail(op, ErrTruncated, "the response points to more in a way that this client does not follow"))
				return
			case !more && info != nil && info.TotalCount != int64(len(seen)) && info.TotalCount > 0:
				yield(none, p.reply.fail(op, ErrTruncated, fmt.Sprintf("%d of %d items came: the list changed while it was read", len(seen), info.TotalCount)))
				return
			case !more:
				return
			case fresh == 0:
				yield(none, p.reply.fail(op, ErrUnexpectedResponse, fmt.Sprintf("page %d holds nothing new although more items exist", number)))
				return
			}
			if perPage == 0 {
				perPage = p.reply.info.PerPage
			}
		}
	}
}

// hasNext reports whether the numbers of the page say that another one follows.
// received is the number of items so far.
func (p *page[R]) hasNext(number int64, received int) bool {
	info := p.reply.info
	switch {
	case info == nil:
		return false
	case info.TotalPages > 0:
		return info.TotalPages > number
	case info.TotalCount > 0:
		return info.TotalCount > int64(received) && len(p.items) > 0
	default:
		return info.PerPage > 0 && int64(len(p.items)) >= info.PerPage
	}
}

// fail is the error of a list for which a successful response is not enough.
func (r *reply) fail(op operation, kind error, note string) *Error {
	return &Error{
		operation: op.text, StatusCode: r.status, Details: r.errors, Messages: r.messages,
		RayID: r.rayID, Attempts: r.attempts, kinds: []error{kind}, note: note,
	}
}
