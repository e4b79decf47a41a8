using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Client;

/// <summary>What to list or watch.</summary>
/// <param name="LabelSelector">Kubernetes' label selector text, or null.</param>
/// <param name="FieldSelector">Kubernetes' field selector text, or null.</param>
public sealed record ListQuery(string? LabelSelector = null, string? FieldSelector = null);

/// <summary>A whole list at one version.</summary>
/// <param name="Items">The objects; each carries apiVersion and kind.</param>
/// <param name="ResourceVersion">Where a watch may go on from.</param>
public sealed record KubeList(IReadOnlyList<JsonObject> Items, string ResourceVersion);

/// <summary>How a patch body is meant.</summary>
public enum PatchKind
{
    /// <summary>RFC 7396.</summary>
    Merge,

    /// <summary>RFC 6902.</summary>
    Json,

    /// <summary>Kubernetes' strategic merge.</summary>
    StrategicMerge,

    /// <summary>Server-side apply; the body is the whole intent of the field manager.</summary>
    Apply,
}

/// <summary>
/// Verbs over verbatim JSON on one API server. Thread-safe. Holds no state but its <see cref="HttpClient"/>, whose handler
/// carries trust and credentials; answers larger than <see cref="MaxAnswerBytes"/> fail.
/// </summary>
/// <param name="http">Its base address is the server's URL and ends with a slash.</param>
/// <param name="agent">
/// What it calls itself, <c>name/version</c>: servers write the name into <c>managedFields</c> and into their audit log. Null: the program's.
/// </param>
public sealed class KubeClient(HttpClient http, string? agent = null) : IDisposable
{
    /// <summary>No single answer (a list page counts as one) may be larger: 64 MiB.</summary>
    public const int MaxAnswerBytes = 64 * 1024 * 1024;

    private const int PageSize = 500;
    private const string UserAgent = "User-Agent";
    private static readonly MediaTypeHeaderValue JsonType = new("application/json");

    /// <summary>The transport, for requests this class has no verb for.</summary>
    public HttpClient Http { get; } = Called(http, agent);

    /// <summary>Reads one object; null when it is not there.</summary>
    public async Task<JsonObject?> GetAsync(ResourceRef resource, string? ns, string name, CancellationToken cancellation)
    {
        try
        {
            return await SendAsync(HttpMethod.Get, resource.Path(ns, name), null, null, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Reads all objects, page by page, at one version.</summary>
    public async Task<KubeList> ListAsync(ResourceRef resource, string? ns, ListQuery? query, CancellationToken cancellation)
    {
        var items = new List<JsonObject>();
        var version = "";
        await foreach (var page in PagesAsync(resource, ns, query, cancellation).ConfigureAwait(false))
        {
            items.AddRange(page.Items);
            version = page.ResourceVersion;
        }

        return new KubeList(items, version);
    }

    /// <summary>Reads all objects at one version; no more than a page of them is held here at a time.</summary>
    public async IAsyncEnumerable<KubeList> PagesAsync(ResourceRef resource, string? ns, ListQuery? query, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? next = null;
        do
        {
            var path = WithQuery(resource.Path(ns), query, ("limit", PageSize.ToString(CultureInfo.InvariantCulture)), ("continue", next));
            var page = await SendAsync(HttpMethod.Get, path, null, null, ListPage.Read, cancellation).ConfigureAwait(false);
            foreach (var item in page.Items)
            {
                item["apiVersion"] ??= resource.ApiVersion;
                item["kind"] ??= resource.Kind;
            }

            yield return new KubeList(page.Items, page.ResourceVersion);
            next = page.Continue;
        }
        while (next is not null);
    }

    /// <summary>Reads the metadata alone of all objects, for who needs no more: each item has <c>metadata</c>, with an older server the whole object.</summary>
    public async Task<IReadOnlyList<JsonObject>> ListMetadataAsync(ResourceRef resource, string? ns, ListQuery? query, CancellationToken cancellation)
    {
        var items = new List<JsonObject>();
        string? next = null;
        do
        {
            var path = WithQuery(resource.Path(ns), query, ("limit", PageSize.ToString(CultureInfo.InvariantCulture)), ("continue", next));
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/json");
            using var answer = await OpenAsync(request, $"list {resource.Plural}", cancellation).ConfigureAwait(false);
            using var whole = await Answer.ReadAsync(answer.Content, MaxAnswerBytes, cancellation).ConfigureAwait(false);
            var page = ListPage.Read(whole.Bytes) ?? throw new KubeStatusException((int)answer.StatusCode, "", $"list {resource.Plural}: the server's answer is not a list");
            items.AddRange(page.Items);
            next = page.Continue;
        }
        while (next is not null);
        return items;
    }

    /// <summary>Creates an object; <see cref="KubeStatusException.IsAlreadyExists"/> when it is there.</summary>
    public Task<JsonObject> CreateAsync(ResourceRef resource, string? ns, JsonObject obj, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, resource.Path(ns), obj, JsonType, cancellation);

    /// <summary>Replaces an object; its resourceVersion, if set, must still be current (<see cref="KubeStatusException.IsConflict"/>).</summary>
    public Task<JsonObject> ReplaceAsync(ResourceRef resource, JsonObject obj, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Put, resource.Path(obj.Namespace(), obj.Name()), obj, JsonType, cancellation);

    /// <summary>Replaces the status alone.</summary>
    public Task<JsonObject> ReplaceStatusAsync(ResourceRef resource, JsonObject obj, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Put, resource.Path(obj.Namespace(), obj.Name(), "status"), obj, JsonType, cancellation);

    /// <summary>Patches an object or a subresource.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="ns">Namespace, or null.</param>
    /// <param name="name">Object name.</param>
    /// <param name="kind">How the body is meant.</param>
    /// <param name="patch">The body.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="subresource">Such as <c>status</c>.</param>
    /// <param name="fieldManager">Who applies; required by <see cref="PatchKind.Apply"/>.</param>
    /// <param name="force">With apply: take fields over from other managers.</param>
    public Task<JsonObject> PatchAsync(
        ResourceRef resource,
        string? ns,
        string name,
        PatchKind kind,
        JsonNode patch,
        CancellationToken cancellation,
        string? subresource = null,
        string? fieldManager = null,
        bool force = false)
    {
        var type = kind switch
        {
            PatchKind.Merge => "application/merge-patch+json",
            PatchKind.Json => "application/json-patch+json",
            PatchKind.StrategicMerge => "application/strategic-merge-patch+json",
            PatchKind.Apply => "application/apply-patch+yaml",
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        var path = WithQuery(resource.Path(ns, name, subresource), null, ("fieldManager", fieldManager), ("force", force ? "true" : null));
        return SendAsync(HttpMethod.Patch, path, patch, new MediaTypeHeaderValue(type), cancellation);
    }

    /// <summary>Deletes an object. False when it was not there.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="ns">Namespace, or null.</param>
    /// <param name="name">Object name.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="uid">Delete only the object of this uid, when given.</param>
    public async Task<bool> DeleteAsync(ResourceRef resource, string? ns, string name, CancellationToken cancellation, string? uid = null)
    {
        var options = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions", ["propagationPolicy"] = "Background" };
        if (uid is not null)
        {
            options["preconditions"] = new JsonObject { ["uid"] = uid };
        }

        try
        {
            await SendAsync(HttpMethod.Delete, resource.Path(ns, name), options, JsonType, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            return false;
        }
    }

    /// <summary>
    /// Streams changes after <paramref name="resourceVersion"/> in order until the server ends the stream. Bookmarks are
    /// yielded. An ERROR event (for instance an expired version) is thrown as <see cref="KubeStatusException"/>.
    /// </summary>
    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        ResourceRef resource, string? ns, ListQuery? query, string resourceVersion, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var path = WithQuery(
            resource.Path(ns), query, ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", resourceVersion), ("timeoutSeconds", "3600"));
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        using var answer = await OpenAsync(request, $"watch {resource.Plural}", cancellation).ConfigureAwait(false);
        var stream = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await foreach (var line in JsonLines.ReadAsync(stream, MaxAnswerBytes, cancellation).ConfigureAwait(false))
            {
                var type = line.Text("type") ?? "";
                if (line["object"] is not JsonObject obj)
                {
                    throw new KubeStatusException(500, "", $"watch {resource.Plural}: the server sent an event of type '{type}' without an object");
                }

                if (type == "ERROR")
                {
                    throw KubeStatusException.From(obj, 500);
                }

                line.Remove("object");
                yield return new WatchEvent(WatchEvent.Parse(type), obj);
            }
        }
    }

    /// <summary>Sends a request and returns the answer with its body unread, for what is to be read as a stream.</summary>
    /// <param name="request">Its address is relative to the server.</param>
    /// <param name="what">What is asked for, in errors.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="KubeStatusException">The server answered outside 2xx.</exception>
    public async Task<HttpResponseMessage> OpenAsync(HttpRequestMessage request, string what, CancellationToken cancellation)
    {
        var answer = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (answer.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            using var body = await Answer.ReadAsync(answer.Content, MaxAnswerBytes, cancellation).ConfigureAwait(false);
            throw KubeStatusException.From((int)answer.StatusCode, body.Bytes, what);
        }
    }

    /// <summary>Sends a request to a path relative to the server and reads a JSON object.</summary>
    /// <exception cref="KubeStatusException">The server answered outside 2xx.</exception>
    /// <exception cref="HttpRequestException">The server could not be reached.</exception>
    public Task<JsonObject> SendAsync(HttpMethod method, string path, JsonNode? body, MediaTypeHeaderValue? type, CancellationToken cancellation) =>
        SendAsync(method, path, body, type, static json => JsonNode.Parse(json) as JsonObject, cancellation);

    /// <inheritdoc/>
    public void Dispose() => Http.Dispose();

    private async Task<T> SendAsync<T>(HttpMethod method, string path, JsonNode? body, MediaTypeHeaderValue? type, Func<ReadOnlySpan<byte>, T?> read, CancellationToken cancellation)
        where T : class
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (body is not null)
        {
            request.Content = new ReadOnlyMemoryContent(Encode(body));
            request.Content.Headers.ContentType = type ?? JsonType;
        }

        using var answer = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        using var whole = await Answer.ReadAsync(answer.Content, MaxAnswerBytes, cancellation).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode)
        {
            throw KubeStatusException.From((int)answer.StatusCode, whole.Bytes, $"{method} {path}");
        }

        return read(whole.Bytes) ?? throw new KubeStatusException((int)answer.StatusCode, "", $"{method} {path}: the server's answer is not a JSON object");
    }

    /// <summary>An agent given to the transport before stays, unless another is asked for here.</summary>
    private static HttpClient Called(HttpClient http, string? agent)
    {
        if (agent is null && http.DefaultRequestHeaders.NonValidated.Contains(UserAgent))
        {
            return http;
        }

        http.DefaultRequestHeaders.Remove(UserAgent);
        http.DefaultRequestHeaders.TryAddWithoutValidation(UserAgent, agent ?? Program());
        return http;
    }

    /// <summary>Such as <c>otectl/0.1.0</c>.</summary>
    private static string Program() => Assembly.GetEntryAssembly()?.GetName() is { Name: { } name } program ? $"{name}/{program.Version?.ToString(3)}" : "ote";

    private static ReadOnlyMemory<byte> Encode(JsonNode body)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            body.WriteTo(writer);
        }

        return buffer.WrittenMemory;
    }

    private static string WithQuery(string path, ListQuery? query, params ReadOnlySpan<(string Name, string? Value)> more)
    {
        var mark = '?';
        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                path += $"{mark}{name}={WebUtility.UrlEncode(value)}";
                mark = '&';
            }
        }

        Add("labelSelector", query?.LabelSelector);
        Add("fieldSelector", query?.FieldSelector);
        foreach (var (name, value) in more)
        {
            Add(name, value);
        }

        return path;
    }
}
