package contract

import (
	"os"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
)

// frozen is a fixed version of the contract, so that these tests of the checker do not
// depend on the vendor's changes. Other tests cover the contract of the module.
var frozen []byte

func TestMain(m *testing.M) {
	var err error
	if frozen, err = os.ReadFile("../internal/document/testdata/contract.json"); err != nil {
		panic(err)
	}
	document.Load = sync.OnceValues(func() (*document.Document, error) { return document.Parse(frozen) })
	os.Exit(m.Run())
}
