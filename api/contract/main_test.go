package contract

import (
	"os"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
)

// frozen is the contract as it was when these tests were written. They are about
// the checker and say what it finds in this text; that the contract of the module
// can be loaded, and has the fake server's answers in it, is tested elsewhere.
var frozen []byte

func TestMain(m *testing.M) {
	var err error
	if frozen, err = os.ReadFile("../internal/document/testdata/contract.json"); err != nil {
		panic(err)
	}
	document.Load = sync.OnceValues(func() (*document.Document, error) { return document.Parse(frozen) })
	os.Exit(m.Run())
}
