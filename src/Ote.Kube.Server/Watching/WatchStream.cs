using System.Buffers;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Watching;

/// <summary>One watch's answer: a JSON object a line. Knows the form the client wants and what it selects. One caller at a time.</summary>
internal sealed class WatchStream(ApiRequest request, ObjectFilter filter, AnswerForm form, string version, TimeProvider time, bool ofClusters = false, long marked = 0)
{
    private readonly System.IO.Pipelines.PipeWriter _writer = request.Context.Response.BodyWriter;
    private bool _columnsSent;
    private long _marked = marked;

    /// <summary>Whether the client asked for bookmarks.</summary>
    public bool TakesBookmarks { get; } = request.Query.Flag("allowWatchBookmarks");

    /// <summary>The newest version a bookmark told, or the one the client came with. Read from any thread.</summary>
    public long Marked => Interlocked.Read(ref _marked);

    /// <summary>The client has all that was there when it came: what follows is in the subscription.</summary>
    public bool IsLive { get; set; }

    /// <summary>The namespace watched; null for all.</summary>
    public string? Namespace { get; } = request.Kind.Namespaced ? request.Path.Namespace : null;

    /// <summary>Bytes written since the last flush, about.</summary>
    public long Unflushed { get; private set; }

    /// <summary>Sends the headers, so that the client knows the watch stands.</summary>
    public async Task BeginAsync(CancellationToken cancellation)
    {
        var response = request.Context.Response;
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-cache, private";
        await response.StartAsync(cancellation).ConfigureAwait(false);
        await _writer.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>An object that is there when the watch begins.</summary>
    public void Present(StoredObject row)
    {
        if (filter.Matches(row.Key, row.Json))
        {
            Send("ADDED", row.Json);
        }
    }

    /// <summary>A change, seen through the selectors: an object that begins to match is added, one that ceases to is deleted.</summary>
    public void Changed(Change change)
    {
        if (Namespace is { } ns && ns != change.Key.Namespace)
        {
            return;
        }

        var now = change.Kind != ChangeKind.Deleted && filter.Matches(change.Key, change.Json);
        var before = change.Kind != ChangeKind.Added
            && (filter.IsEverything || (change.Previous is { } previous && filter.Matches(change.Key, previous)));
        switch (before, now)
        {
            case (false, true):
                Send("ADDED", change);
                break;
            case (true, true):
                Send("MODIFIED", change);
                break;
            case (true, false) when change.Kind == ChangeKind.Deleted:
                Send("DELETED", change);
                break;
            case (true, false):
                Send("DELETED", AsItWas(change));
                break;
        }
    }

    /// <summary>Tells how far the watch has come.</summary>
    public void Bookmark(long revision, bool initialEventsEnd)
    {
        Bookmark($"{revision}", initialEventsEnd);
        Interlocked.Exchange(ref _marked, revision);
    }

    /// <summary>The same of a version that is no number.</summary>
    public void Bookmark(string reached, bool initialEventsEnd)
    {
        var metadata = new JsonObject { ["resourceVersion"] = reached, ["creationTimestamp"] = null };
        if (initialEventsEnd)
        {
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        }

        var obj = form switch
        {
            AnswerForm.Table => new JsonObject
            {
                ["kind"] = "Table", ["apiVersion"] = $"meta.k8s.io/{version}", ["metadata"] = metadata, ["columnDefinitions"] = null, ["rows"] = new JsonArray(),
            },
            AnswerForm.Metadata => new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = $"meta.k8s.io/{version}", ["metadata"] = metadata },
            _ => new JsonObject { ["kind"] = request.Kind.Kind, ["apiVersion"] = request.Kind.ApiVersion, ["metadata"] = metadata },
        };
        Line("BOOKMARK", Answers.Bytes(obj));
    }

    /// <summary>Ends the watch with a Status.</summary>
    public async Task ErrorAsync(ApiError error, CancellationToken cancellation)
    {
        Line("ERROR", Answers.Bytes(error.ToStatus()));
        await FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Hands what was written to the connection; waits while the client does not read.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        if (Unflushed > 0)
        {
            Unflushed = 0;
            await _writer.FlushAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Flushes the rest at an orderly end.</summary>
    public ValueTask CloseAsync() => FlushAsync(request.Aborted);

    /// <summary>What ceases to match is shown as the watcher knew it, at the version of the change.</summary>
    private static byte[] AsItWas(Change change)
    {
        var before = ObjectJson.Stored(change.Previous!);
        before["metadata"]!["resourceVersion"] = change.Version ?? $"{change.Revision}";
        return Answers.Bytes(before);
    }

    private void Send(string type, Change change)
    {
        if (form != AnswerForm.Json || change.Version is not null)
        {
            Send(type, change.Version is { } told ? ObjectForm.AtVersion(change.Json, told) : change.Json);
            return;
        }

        var line = WatchLine.Of(change, request.Kind, type);
        _writer.Write(line.Bytes.Span);
        Unflushed += line.Bytes.Length;
    }

    private void Send(string type, byte[] json)
    {
        switch (form)
        {
            case AnswerForm.Json:
                Line(type, ObjectForm.InVersion(json, request.Kind).Span);
                break;
            case AnswerForm.Metadata:
                Line(type, Answers.Bytes(ObjectForm.Metadata(json, version)));
                break;
            case AnswerForm.Table:
                Line(type, Answers.Bytes(Table(json)));
                break;
        }
    }

    private JsonObject Table(byte[] json)
    {
        var obj = ObjectForm.Parse(json, request.Kind);
        var meta = new JsonObject { ["resourceVersion"] = obj["metadata"]?["resourceVersion"]?.DeepClone() };
        var table = TableRenderer.Render(request.Kind, [obj], time.GetUtcNow(), meta, TablePolicy.Of(request.Query), withColumns: !_columnsSent, ofClusters);
        // The real server names the columns once a watch.
        _columnsSent = true;
        table["apiVersion"] = $"meta.k8s.io/{version}";
        return table;
    }

    private void Line(string type, ReadOnlySpan<byte> json)
    {
        WatchLine.Write(_writer, type, json);
        Unflushed += json.Length + 32;
    }
}
