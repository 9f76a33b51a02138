package hostile

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

const (
	// bodyLimit is the response limit of the client under test.
	bodyLimit = 1 << 20
	// growth is the memory that client and server may allocate for one request.
	growth = 8 << 20
)

// list returns a valid response with the given parts.
func list(result, rest string) string {
	return `{"success":true,"errors":[],"messages":[],"result":` + result + rest + `}`
}

// padded returns a valid response of n bytes.
func padded(row string, n int) string {
	body := list(row, "")
	return body + strings.Repeat(" ", n-len(body))
}

const membersNull = "members null"

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// noLength begins a response that ends with the connection.
const noLength = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

// input is a response and the error that it must cause. If want is nil, the call must
// return one valid item.
type input struct {
	name     string
	response fs.Handler
	want     error
}

// inputs returns the responses. row, a valid value of the member result, is part of
// most of them.
func inputs(row string) []input {
	return []input{
		{"gzip bomb", fs.GzipBomb(), api.ErrResponseTooLarge},
		{"exactly the limit", fs.JSON(200, padded(row, bodyLimit)), nil},
		{"one byte over the limit", fs.JSON(200, padded(row, bodyLimit+1)), api.ErrResponseTooLarge},
		{"exactly the limit, without a length", fs.Cut(noLength + padded(row, bodyLimit)), nil},
		{"one byte over the limit, without a length", fs.Cut(noLength + padded(row, bodyLimit+1)), api.ErrResponseTooLarge},
		{"one byte over the limit, with 500", fs.JSON(500, padded(row, bodyLimit+1)), api.ErrResponseTooLarge},
		{"a false length", fs.Cut("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000000000000000\r\n\r\n" + list(row, "")), api.ErrResponseTooLarge},

		{"depth 9,000", fs.JSON(200, list(row, `,"x":`+nested(9000))), nil},
		{"depth 10,001", fs.JSON(200, list(row, `,"x":`+nested(10_001))), api.ErrUnexpectedResponse},
		{"depth 100,000", fs.JSON(200, nested(100_000)), api.ErrUnexpectedResponse},
		{"depth 100,000 with 403", fs.JSON(403, `{"success":false,"errors":`+nested(100_000)+`}`), api.ErrForbidden},

		{"result twice", fs.JSON(200, list(row, `,"result":[]`)), api.ErrUnexpectedResponse},
		{"success twice", fs.JSON(200, list(row, `,"success":false`)), api.ErrUnexpectedResponse},
		{"service twice", fs.JSON(200, list(`[{"service":"a","status":"b","service":"c"}]`, "")), api.ErrUnexpectedResponse},
		{"unknown name twice", fs.JSON(200, list(row, `,"x":1,"x":2`)), api.ErrUnexpectedResponse},
		{"names in capitals", fs.JSON(200, `{"Success":true,"Result":[]}`), api.ErrUnexpectedResponse},
		{"bad UTF-8 in a value", fs.JSON(200, list("[{\"service\":\"a\xff\"}]", "")), api.ErrUnexpectedResponse},
		{"bad UTF-8 in a name", fs.JSON(200, list(row, ",\"\xff\":1")), api.ErrUnexpectedResponse},
		{"half a surrogate", fs.JSON(200, list(`[{"service":"\ud800"}]`, "")), api.ErrUnexpectedResponse},

		{"count 1e400", fs.JSON(200, list(row, `,"result_info":{"count":1e400}`)), api.ErrUnexpectedResponse},
		{"count 2^53+1", fs.JSON(200, list(row, `,"result_info":{"count":9007199254740993}`)), api.ErrUnexpectedResponse},
		{"count of a million digits", fs.JSON(200, list(row, `,"result_info":{"count":`+strings.Repeat("9", 1_000_000)+`}`)), api.ErrUnexpectedResponse},
		{"code of a million digits", fs.JSON(403, `{"success":false,"errors":[{"code":`+strings.Repeat("9", 1_000_000)+`}]}`), api.ErrForbidden},

		{"null", fs.JSON(200, "null"), api.ErrUnexpectedResponse},
		{"success null", fs.JSON(200, `{"success":null,"result":[]}`), api.ErrUnexpectedResponse},
		{"result null", fs.JSON(200, list("null", "")), api.ErrNoResult},
		{"row null", fs.JSON(200, list("[null]", "")), api.ErrUnexpectedResponse},
		{membersNull, fs.JSON(200, `{"success":true,"errors":null,"messages":null,"result":[{"service":null,"status":null}],"result_info":null}`), nil},
		{"counts null", fs.JSON(200, list(row, `,"result_info":{"count":null,"page":null,"per_page":null,"total_count":null,"total_pages":null}`)), nil},
		{"all null with 401", fs.JSON(401, `{"success":null,"errors":null,"messages":null,"result":null}`), api.ErrUnauthorized},
		{"errors of null with 400", fs.JSON(400, `{"success":false,"errors":[null,{"code":null,"message":null,"error_chain":null}]}`), api.ErrRejected},

		{"trailing data", fs.JSON(200, list(row, "")+"{}"), api.ErrUnexpectedResponse},
		{"byte order mark", fs.JSON(200, "\xef\xbb\xbf"+list(row, "")), api.ErrUnexpectedResponse},
		{"a message of half a mebibyte", fs.JSON(403, `{"success":false,"errors":[{"code":1,"message":"`+strings.Repeat("x", bodyLimit/2)+`"}]}`), api.ErrForbidden},
		{"50,000 errors", fs.JSON(403, `{"success":false,"errors":[`+strings.Repeat(`{"code":1},`, 50_000)+`{"code":1}]}`), api.ErrForbidden},
	}
}

func TestHostileResponsesAreTypedErrorsAndBounded(t *testing.T) {
	for _, op := range operations {
		for _, input := range inputs(op.result) {
			if input.name == membersNull && !strings.HasSuffix(op.name, "Associations") {
				continue // the items of the other operations need their ids
			}
			t.Run(op.name+"/"+input.name, func(t *testing.T) {
				server := fs.Start(t, fs.Always(input.response), nil)
				client := newClient(t, server, api.WithMaxResponseBytes(bodyLimit))
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				got, err := op.call(t.Context(), client, cert.AccountID, cert.ID)
				runtime.ReadMemStats(&after)
				requests := uint64(server.Requests())
				if grown := after.TotalAlloc - before.TotalAlloc; grown > growth*requests {
					t.Errorf("%d KiB were allocated in %d requests", grown>>10, requests)
				}
				if input.want != nil {
					checkBounded(t, input.want, err)
					return
				}
				if err != nil || len(got) != 1 {
					t.Fatalf("got %+v, %v", got, err)
				}
				if list, ok := got[0].(*api.AssociationList); ok && (len(list.Associations) != 1 || list.Usage() != api.InUse) {
					t.Errorf("got %+v", list)
				}
			})
		}
	}
}

// checkBounded checks that the error is the expected one and keeps little of the
// response.
func checkBounded(t *testing.T, want, err error) {
	t.Helper()
	var failure *api.Error
	if !errors.As(err, &failure) || !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("the text has %d bytes or several lines: %.400q", len(err.Error()), err)
	}
	if kept := len(fmt.Sprintf("%+v", failure.Details)); kept > 64<<10 {
		t.Errorf("%d bytes of details were kept", kept)
	}
}
