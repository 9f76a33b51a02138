package load

import (
	"hash/fnv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

const (
	calls   = 20_000
	callers = 64
	// One in faultShare certificates has a fault, and one in ten of these has two.
	faultShare = 10
	// connectionBound allows two connections for each caller. net/http keeps a dialled
	// connection even if another became free meanwhile: 64 callers had 73 to 86.
	connectionBound = 2 * callers
)

// faults are faults without a delay.
var faults = []fs.Handler{
	fs.Failure(500, 10001), fs.HTML(502), fs.Complete(503, ""), fs.TruncatedLength(), fs.TruncatedChunked(),
	fs.HTML(522), fs.CorruptGzip(), fs.Cut(""), fs.Cut("HTTP/1.1 20"),
}

// unreliable is a server whose faults depend only on the certificate in a request, and
// on the number of earlier requests for it.
type unreliable struct {
	seen   sync.Map // certificate → *atomic.Int64
	faults atomic.Int64
}

func (u *unreliable) respond(x *fs.Exchange) bool {
	parts := strings.Split(x.Request.URL.Path, "/")
	id := parts[len(parts)-2]
	count, _ := u.seen.LoadOrStore(id, new(atomic.Int64))
	n := count.(*atomic.Int64).Add(1)
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	sum := h.Sum32()
	if sum%faultShare == 0 && n == 1 || sum%(10*faultShare) == 0 && n == 2 {
		u.faults.Add(1)
		return faults[sum/(10*faultShare)%uint32(len(faults))](x)
	}
	return fs.JSON(200, responseBody(id))(x)
}

func TestManyCallersEachGetTheirOwnResult(t *testing.T) {
	vendor := new(unreliable)
	server := fs.Start(t, fs.Always(vendor.respond), nil)
	client, err := api.New(api.APIToken("token"), api.WithBaseURL(server.URL()), api.WithRateLimit(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	var next, answered atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < calls; i = next.Add(1) - 1 {
				list, err := client.Associations(t.Context(), ref(int(i)))
				switch {
				case err != nil:
					t.Errorf("%d: %v", i, err)
				case !isOwn(ref(int(i)), list):
					t.Errorf("%d: got %+v", i, list.Associations)
				default:
					answered.Add(1)
				}
			}
		})
	}
	group.Wait()
	_, peak, _ := server.Connections()
	memory := peakMemory()
	t.Logf("%d responses to %d requests with %d faults in %v; at most %d connections, %d MiB",
		answered.Load(), server.Requests(), vendor.faults.Load(), time.Since(started).Round(time.Millisecond), peak, memory)
	if answered.Load() != calls {
		t.Errorf("%d calls were answered, want %d", answered.Load(), calls)
	}
	if n := vendor.faults.Load(); n < calls/faultShare*9/10 || n > calls/faultShare*13/10 {
		t.Errorf("%d faults, want about a tenth", n)
	}
	// net/http itself repeats a request on a closed connection, so there may be
	// slightly more requests than attempts.
	if n := server.Requests(); n < calls+int(vendor.faults.Load()) || n > calls+int(vendor.faults.Load())*11/10 {
		t.Errorf("%d requests for %d calls and %d faults", n, calls, vendor.faults.Load())
	}
	if peak > connectionBound {
		t.Errorf("%d connections at a time with %d callers", peak, callers)
	}
	if memory > memoryBound {
		t.Errorf("%d MiB, more than %d", memory, memoryBound)
	}
	client.CloseIdleConnections()
	if !server.Drained(10 * time.Second) {
		t.Error("a connection is still open")
	}
}
