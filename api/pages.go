package api

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
)

// paged is an operation whose result is a list with pages.
type paged struct {
	operation
	// send requests a page of perPage items. A number 0 means the first page, a perPage
	// 0 the API's default size.
	send func(ctx context.Context, number, perPage float64, edit editor) (*http.Response, error)
	// perPage is the page size to request; 0: the API's default.
	perPage int64
	// filtered means that the API filters the list; total_count may include other items.
	filtered bool
	invalid  error // of the caller's arguments
}

// allPages iterates over the items of all pages. page reads a page, and id returns the
// id of an item. An error comes last, with a zero item.
func allPages[T, R any, P generatedType[T]](ctx context.Context, c *Client, policy callPolicy, p paged, page list[T, R, P], id func(R) string) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		rows := page
		fail := p.read(ctx, c, policy, &rows, func(i int) string { return id(rows.items[i]) },
			func(i int) bool { return yield(rows.items[i], nil) })
		if fail != nil {
			yield(*new(R), fail)
		}
	}
}

// read reads all pages into page, one after the other, and calls yield with the index
// of each item whose id is new, until yield returns false.
//
// The next page is requested only if the numbers of the last one show that there is
// more, or if they have no totals and the page is full. The error is that of a call, or
// ErrUnexpectedResponse if a response has another page than the requested one, has no
// new items although another page follows, contains errors or may be out of date, or
// ErrTruncated if not all items were received, or if the pages do not show that all
// were.
func (p paged) read(ctx context.Context, c *Client, policy callPolicy, page result, id func(i int) string, yield func(i int) bool) *Error {
	if err := c.check(ctx, p.invalid); err != nil {
		return invalidArgument(p.text, err.Error())
	}
	seen, l := map[string]bool{}, listing{perPage: p.perPage, filtered: p.filtered}
	for number := int64(1); ; number++ {
		requested := number
		if number == 1 {
			requested = 0
		}
		r, fail := c.do(ctx, p.operation, policy, func(ctx context.Context, edit editor) (*http.Response, error) {
			return p.send(ctx, float64(requested), float64(l.perPage), edit)
		}, page)
		if fail != nil {
			return fail
		}
		if r.info != nil && r.info.Page != number && (r.info.Page != 0 || number > 1) {
			return r.fail(ErrUnexpectedResponse, fmt.Sprintf("page %d was requested and page %d returned", number, r.info.Page))
		}
		if policy.onPage != nil {
			policy.onPage(number, r.info)
		}
		before, count := l.received, page.count()
		for i := range count {
			key := id(i)
			if seen[key] {
				continue
			}
			seen[key] = true
			l.received++
			if !yield(i) {
				return nil
			}
		}
		if fail := r.freshnessError(); fail != nil {
			return fail
		}
		next, gap := l.add(number, count, r.info, r.more)
		switch {
		case gap != "":
			return r.fail(ErrTruncated, gap)
		case !next:
			return nil
		case l.received == before:
			return r.fail(ErrUnexpectedResponse, fmt.Sprintf("page %d has no new items although more exist", number))
		}
	}
}

// defaultPageSize is the smallest of the API's default page sizes, that of Pages
// projects.
const defaultPageSize = 10

// listing is the state of reading a list with pages.
type listing struct {
	perPage  int64 // from the request, or else from the first response
	filtered bool
	received int        // the number of distinct items
	first    ResultInfo // of page 1
}

// add adds the page with a number, which has n items and the paging information info;
// more means that the response refers to further items in another way. It returns
// whether another page follows, and the reason why items up to here may be missing, or
// "".
//
// A list that fits on its first page needs no numbers. Changes between pages that keep
// the total, such as a deletion and an addition, are not detected.
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
	size, unknownSize := l.perPage, l.perPage > 0 && numbers.PerPage > l.perPage
	if numbers.PerPage == 0 { // the API may not have used the requested size
		size, unknownSize = defaultPageSize, true
	}
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
		gap = "a full page without numbers may not be the last"
	case next:
	case more:
		gap = "the response refers to more items in a form that this client does not support"
	case l.filtered && numbers.TotalPages > 0: // total_count may include what the filter excludes
	case numbers.TotalCount > 0 && numbers.TotalCount != int64(l.received):
		gap = fmt.Sprintf("%d of %d items were received: the list changed while it was read, or its numbers are wrong", l.received, numbers.TotalCount)
	}
	return next, gap
}

// freshnessError returns an error if the response may not show the current state,
// because it contains errors or comes from a cache.
func (r *reply) freshnessError() *Error {
	switch {
	case len(r.errors) > 0:
		return r.fail(ErrUnexpectedResponse, "the success contains errors")
	case r.stale:
		return r.fail(ErrUnexpectedResponse, "the response may be stale (Age, Warning or cache status header)")
	default:
		return nil
	}
}

// fail returns the error of a successful response that cannot be used.
func (r *reply) fail(kind error, note string) *Error {
	return &Error{
		operation: r.operation, StatusCode: r.status, Details: r.errors, Messages: r.messages,
		RayID: r.rayID, Attempts: r.attempts, kinds: []error{kind}, note: note,
	}
}
