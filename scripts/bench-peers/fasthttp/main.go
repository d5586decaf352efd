// Fasthttp is the fastest peer of scripts/bench: CSV to PATCH over Go's fasthttp
// and nothing else. No retries, no limits, no journal, no report: what the wire
// and the language give to somebody who leaves all of that out.
//
// Usage: fasthttp FILE.csv BASE_URL CONNECTIONS
package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// rowsPerBatch keeps the cost of the channel out of the measurement.
const rowsPerBatch = 64

type contact struct {
	key       string
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Email     string `json:"email,omitempty"`
	Phone     string `json:"phone,omitempty"`
}

// readBatches streams the file, whose columns stand as scripts/make-contacts writes them.
func readBatches(path string, batches chan<- []contact) error {
	defer close(batches)
	input, err := os.Open(path)
	if err != nil {
		return err
	}
	defer input.Close()
	reader := csv.NewReader(input)
	reader.FieldsPerRecord = 5
	reader.ReuseRecord = true
	if _, err := reader.Read(); err != nil {
		return err
	}
	batch := make([]contact, 0, rowsPerBatch)
	for {
		line, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		batch = append(batch, contact{line[0], line[1], line[2], line[3], line[4]})
		if len(batch) == rowsPerBatch {
			batches <- batch
			batch = make([]contact, 0, rowsPerBatch)
		}
	}
	batches <- batch
	return nil
}

func sendBatches(client *fasthttp.HostClient, baseURL string, batches <-chan []contact, failed *int64) {
	request := fasthttp.AcquireRequest()
	reply := fasthttp.AcquireResponse()
	request.Header.SetMethod(fasthttp.MethodPatch)
	request.Header.SetContentType("application/json")
	request.Header.Set("Authorization", "Bearer bench")
	for batch := range batches {
		for index := range batch {
			body, err := json.Marshal(&batch[index])
			if err == nil {
				request.SetRequestURI(baseURL + "/api/v2/contacts/" + batch[index].key)
				request.SetBody(body)
				err = client.Do(request, reply)
			}
			if err != nil || reply.StatusCode() != fasthttp.StatusNoContent {
				atomic.AddInt64(failed, 1)
			}
		}
	}
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: fasthttp FILE.csv BASE_URL CONNECTIONS")
		os.Exit(2)
	}
	connections, err := strconv.Atoi(os.Args[3])
	if err != nil || connections < 1 {
		fmt.Fprintln(os.Stderr, "fasthttp: CONNECTIONS must be a whole number above 0")
		os.Exit(2)
	}
	client := &fasthttp.HostClient{
		Addr:     strings.TrimPrefix(os.Args[2], "http://"),
		MaxConns: connections,
	}

	batches := make(chan []contact, connections)
	var failed int64
	var sending sync.WaitGroup
	sending.Add(connections)
	for connection := 0; connection < connections; connection++ {
		go func() {
			defer sending.Done()
			sendBatches(client, os.Args[2], batches, &failed)
		}()
	}
	if err := readBatches(os.Args[1], batches); err != nil {
		fmt.Fprintln(os.Stderr, "fasthttp:", err)
		os.Exit(1)
	}
	sending.Wait()
	if failed > 0 {
		fmt.Fprintf(os.Stderr, "fasthttp: %d rows failed\n", failed)
		os.Exit(1)
	}
}
