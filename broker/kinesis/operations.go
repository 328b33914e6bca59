package kinesis

// operation is the handler of an operation, nil for one that is not served.
func operation(name string) func(*Server, *call) (any, *apiError) {
	switch name {
	case "CreateStream":
		return (*Server).createStream
	case "DeleteStream":
		return (*Server).deleteStream
	case "DescribeStream":
		return (*Server).describeStream
	case "DescribeStreamSummary":
		return (*Server).describeStreamSummary
	case "GetRecords":
		return (*Server).getRecords
	case "GetShardIterator":
		return (*Server).getShardIterator
	case "ListShards":
		return (*Server).listShards
	case "ListStreams":
		return (*Server).listStreams
	case "PutRecord":
		return (*Server).putRecord
	case "PutRecords":
		return (*Server).putRecords
	}
	return nil
}
