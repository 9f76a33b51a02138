package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// nestedObject returns text inside size/128 nested objects.
func nestedObject(size int, text string) string {
	depth := size / 128
	return strings.Repeat(`{"a":`, depth) + text + strings.Repeat(`}`, depth)
}

// repeated returns about size bytes of items, separated by commas.
func repeated(size int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", size/(len(item)+1)), ",")
}

func errorChain(items string) string {
	return strings.Repeat(`{"code":1,"error_chain":[`, 12) + items + strings.Repeat(`]}`, 12)
}

func memberNames(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `,"%x":null`, i)
	}
	return b.String()
}

// hostileMembers return members of an envelope. The length of the members is
// proportional to size.
var hostileMembers = map[string]func(size int) string{
	"deep cursor":         func(n int) string { return `"cursor":` + nestedObject(n, `{"`+strings.Repeat("x", n)+`":null}`) },
	"deep cursor in info": func(n int) string { return `"result_info":{"cursors":` + nestedObject(n, `[]`) + `}` },
	"wide cursor":         func(n int) string { return `"cursor":{"a":[]` + memberNames(n) + `}` },
	"cursor of lists":     func(n int) string { return `"next":{"a":` + nestedObject(n, `[]`) + memberNames(n) + `}` },
	"deep unknown":        func(n int) string { return `"unknown":` + nestedObject(n, `"`+strings.Repeat("x", n)+`"`) },
	"many names":          func(n int) string { return `"unknown":{"a":0` + memberNames(n) + `}` },
	"many escapes":        func(n int) string { return `"unknown":[` + repeated(n, `"\""`) + `]` },
	"long escape":         func(n int) string { return `"unknown":"` + strings.Repeat(`\u0041`, n/6) + `"` },
	"deep source":         func(n int) string { return `"messages":[{"source":` + nestedObject(n, `0`) + `}]` },
	"many messages":       func(n int) string { return `"messages":[` + repeated(n, `{"code":1,"source":{"pointer":"/p"}}`) + `]` },
	"many errors":         func(n int) string { return `"errors":[` + repeated(n, `{"code":1,"message":"m"}`) + `]` },
	"many numbers":        func(n int) string { return `"errors":[` + repeated(n, `7`) + `]` },
	"many chains":         func(n int) string { return `"errors":[` + repeated(n, `{"error_chain":[{"code":2}]}`) + `]` },
	"deep chain":          func(n int) string { return `"errors":[` + errorChain(repeated(n, `{"code":1}`)) + `]` },
	"long chain":          func(n int) string { return `"errors":[` + errorChain(`"`+strings.Repeat("x", n)+`"`) + `]` },
	"long message":        func(n int) string { return `"errors":[{"code":1,"message":"` + strings.Repeat("x", n) + `"}]` },
	"escaped message":     func(n int) string { return `"errors":[{"code":1,"message":"` + strings.Repeat(`\u0041`, n/6) + `"}]` },
	"long code":           func(n int) string { return `"errors":[{"code":` + strings.Repeat("7", n) + `}]` },
	"code of zeros": func(n int) string {
		return `"errors":[{"code":"1` + strings.Repeat("0", n) + `e-` + fmt.Sprint(n) + `"}]`
	},
	"long count":            func(n int) string { return `"result_info":{"count":1.` + strings.Repeat("7", n) + `}` },
	"tiny counts":           func(n int) string { return `"result_info":{"count":0.` + strings.Repeat("0", n) + `,"page":0.0}` },
	"many rows":             func(n int) string { return `"result":[` + repeated(n, `{"service":"gateway"}`) + `]` },
	"rows that are no rows": func(n int) string { return `"result":[` + repeated(n, `"{{{{{"`) + `]` },
}

// referrers names the response in which each item of a source refers to the same
// certificate.
const referrers = "many referrers"

// hostileShapes returns functions that return responses. The length of a response is
// proportional to size.
func hostileShapes() map[string]func(size int) *http.Response {
	shapes := map[string]func(size int) *http.Response{
		"spaces":          func(n int) *http.Response { return response(403, strings.Repeat(" ", n)) },
		"duplicate names": func(n int) *http.Response { return response(403, `{"success":false,`+repeated(n, `"a":0`)+`}`) },
		"quoted content type": func(n int) *http.Response {
			return response(200, emptyBody, "Content-Type", `application/json;a="`+strings.Repeat(`\"`, n/16)+`"`)
		},
		"continued content type": func(n int) *http.Response {
			return response(200, emptyBody, "Content-Type", "text/html;"+strings.ReplaceAll(repeated(n/8, "x*0=a"), ",", ";"))
		},
		"long policy": func(n int) *http.Response {
			return response(200, emptyBody, "Ratelimit", `"`+strings.Repeat("a", n/8)+`";r=1;t=1`)
		},
		"many policies": func(n int) *http.Response {
			return response(200, emptyBody, "Ratelimit", repeated(n/8, `"a";r=1;t=1;x;y`))
		},
		"long wait": func(n int) *http.Response { return response(503, "", "Retry-After", strings.Repeat("9", n/8)) },
		referrers: func(n int) *http.Response {
			rows := make([]string, n/8)
			for i := range rows {
				rows[i] = fmt.Sprintf(`{"name":"%07x","mtls":{"ca_certificate_id":"certificate"}}`, i)
			}
			return response(200, `{"success":true,"result":[`+strings.Join(rows, ",")+`]}`)
		},
	}
	for name, member := range hostileMembers {
		shapes[name] = func(n int) *http.Response {
			text := member(n)
			if !strings.HasPrefix(text, `"result":`) {
				text += `,"result":[]`
			}
			return response(200, `{"success":true,`+text+`}`)
		}
		shapes[name+" of a failure"] = func(n int) *http.Response { return response(500, `{"success":false,`+member(n)+`}`) }
	}
	return shapes
}

// The time to decode a response must be linear in its size, because no context ends
// decoding.
func TestTimeForAResponseIsLinearInItsSize(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the test compares times")
	}
	// Linear work grows by factor, quadratic work by its square. The bound is about
	// their geometric mean, because memory is slower for the larger body.
	const small, factor, bound, attempts = 1 << 13, 32, 180, 40
	measure := func(name string, resp *http.Response) time.Duration {
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return resp, nil }),
			api.WithMaxAttempts(1), api.WithRateLimit(0, 0))
		start := time.Now()
		if name == referrers {
			for range client.Inventory(t.Context(), cert.AccountID, api.WithSources(api.SourceHyperdrive)) {
			}
		} else {
			_, _ = client.Associations(t.Context(), cert) // other tests check the result
		}
		return time.Since(start)
	}
	for name, shape := range hostileShapes() {
		t.Run(name, func(t *testing.T) {
			few, much := time.Hour, time.Hour
			for range attempts {
				few, much = min(few, measure(name, shape(small))), min(much, measure(name, shape(small*factor)))
				// Shorter times depend more on the machine than on the work.
				if much < bound*max(few, 20*time.Microsecond) {
					return
				}
			}
			t.Errorf("%d times the size takes %v instead of %v", factor, much, few)
		})
	}
}
