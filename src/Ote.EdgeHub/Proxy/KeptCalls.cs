using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Proxy;

/// <summary>
/// Short requests of the node's components, whose answers are wanted again when no API server answers: each is sent whole, to the next server if one does not take it, and what comes back is kept. Thread-safe.
/// </summary>
internal sealed class KeptCalls(NodeCache cache, PodTokens pods, EdgeHubOptions options, TimeProvider time)
{
    private const int MostBytes = 3 * 1024 * 1024;
    private const long MostAnswerBytes = 64 * 1024 * 1024;
    private static readonly HashSet<string> s_ownToEachHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Authorization", "Accept", "Accept-Encoding", "Content-Length", "Expect",
    };

    /// <summary>Reads a body into memory, so that it can be sent again.</summary>
    /// <exception cref="BadHttpRequestException">413: it is too large.</exception>
    public static async Task<byte[]> BodyAsync(HttpRequest request, CancellationToken cancellation)
    {
        using var body = new MemoryStream();
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            while (await request.Body.ReadAsync(buffer, cancellation).ConfigureAwait(false) is var count and > 0)
            {
                if (body.Length + count > MostBytes)
                {
                    throw new BadHttpRequestException($"the body is larger than {MostBytes} bytes", 413);
                }

                body.Write(buffer, 0, count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return body.ToArray();
    }

    /// <summary>Sends one and gives its answer to the caller.</summary>
    /// <returns>False, and nothing was answered: no API server took it, or none answered a read in time.</returns>
    public async Task<bool> SendAsync(HttpContext context, NodeIdentity identity, HubRequest request, string target, byte[] body)
    {
        using var patience = new CancellationTokenSource(options.AnswerTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, patience.Token);
        using var message = Message(context.Request, target, body);
        HttpResponseMessage answer;
        byte[] bytes;
        try
        {
            answer = await identity.Calls.SendAsync(message, either.Token).ConfigureAwait(false);
            await answer.Content.LoadIntoBufferAsync(MostAnswerBytes, either.Token).ConfigureAwait(false);
            bytes = await answer.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
        }
        catch (NoServerException)
        {
            return false;
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or ObjectDisposedException || (broken is OperationCanceledException && patience.IsCancellationRequested))
        {
            if (request.Method == "GET")
            {
                return false;
            }

            // Whether it was done is not known: a component asks what is so before it tries again, and must not find the node's own state in place of an answer.
            await HubStatus.WriteAsync(context, 504, "Timeout", $"the API server did not answer a {request.Method} to its end ({broken.GetBaseException().Message}); look whether it was done").ConfigureAwait(false);
            return true;
        }

        using (answer)
        {
            context.Response.StatusCode = (int)answer.StatusCode;
            foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
            {
                if (!s_ownToEachHop.Contains(name))
                {
                    context.Response.Headers[name] = values.ToArray();
                }
            }

            if (answer.IsSuccessStatusCode && !request.IsQuestion && VersionOf(bytes) is > 0 and var version)
            {
                cache.Answered(CacheQuery.Of(request.Path!), version); // First: who is answered may ask again at once.
            }

            var shown = Seen(request, answer, bytes);
            context.Response.ContentLength = shown.Length;
            await context.Response.Body.WriteAsync(shown, context.RequestAborted).ConfigureAwait(false);
            await context.Response.CompleteAsync().ConfigureAwait(false); // Who asks does not wait for the disk.
            try
            {
                Keep(identity.Name, request, target, body, answer, bytes);
            }
            catch (CacheFailedException)
            {
                // Told already, and answered: it is kept when it is asked again.
            }

            return true;
        }
    }

    /// <summary>The same question, asked by the same caller, has the same answer; nobody is told another's.</summary>
    public static string Question(string caller, string target, byte[] body) => caller + "\n" + target + "\n" + Convert.ToBase64String(body);

    private static HttpRequestMessage Message(HttpRequest request, string target, byte[] body)
    {
        var message = new HttpRequestMessage(new HttpMethod(request.Method), "https://upstream" + target);
        if (body.Length > 0 || request.Method is "POST" or "PUT" or "PATCH")
        {
            message.Content = new ByteArrayContent(body);
        }

        foreach (var (name, values) in request.Headers)
        {
            if (!s_ownToEachHop.Contains(name) && !name.StartsWith(':') && !message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                message.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        // What is kept has to be read here; who asks takes JSON too.
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return message;
    }

    /// <summary>An object as it is seen on this node.</summary>
    private byte[] Seen(HubRequest request, HttpResponseMessage answer, byte[] bytes)
    {
        var path = request.Path!;
        return cache.View is { } view && request.Method == "GET" && answer.StatusCode == HttpStatusCode.OK && path.Name is not null && NodeView.Concerns($"{path.Group}/{path.Resource}")
            ? view.Of(new StoreKey($"{path.Group}/{path.Resource}", path.Namespace ?? "", path.Name), bytes) : bytes;
    }

    private void Keep(string caller, HubRequest request, string target, byte[] body, HttpResponseMessage answer, byte[] bytes)
    {
        var path = request.Path!;
        if (IsDryRun(request, body))
        {
            return;
        }

        var isRead = request.Method == "GET";
        var isGone = isRead ? answer.StatusCode == HttpStatusCode.NotFound : request.Method == "DELETE" && answer.IsSuccessStatusCode && Read(bytes) is null;
        if (path is { Name: not null, Subresource: null } && (isGone || (isRead && answer.StatusCode == HttpStatusCode.Forbidden)))
        {
            Forget(caller, path, isGone);
            return;
        }

        if (!answer.IsSuccessStatusCode || bytes.Length > MostBytes)
        {
            return;
        }

        if (request.IsQuestion)
        {
            cache.Keep(Question(caller, target, body), bytes);
            if (path is { Subresource: "token", Namespace: { } ns, Name: { } account } && Read(bytes)?.Text("status", "token") is { } token)
            {
                pods.Made(ns, account, token);
            }

            return;
        }

        if (path is { Resource: "events" } || (path.Name is not null && IsKeptAlready(caller, path, bytes)) || Read(bytes) is not { } obj || obj.ResourceVersion().Length == 0 || obj.Name().Length == 0)
        {
            return;
        }

        var query = CacheQuery.Of(path) with { Name = obj.Name(), LabelSelector = "", FieldSelector = "" };
        var key = NodeCache.KeyOf(query, obj);
        var isShown = cache.Scopes.Any(scope => scope.Query.IsFollowed && scope.Query.Resource == query.Resource && (scope.Query.Matches(key, obj) || cache.Find(scope.Id, key) is not null));
        if (isShown || (request.Method is "POST" or "PUT" or "PATCH" && path.Resource == "pods"))
        {
            return; // The watch brings it.
        }

        var kept = cache.Take(query);
        cache.Grant(kept, caller);
        cache.Told(kept, [obj], gone: request.Method == "DELETE" && !IsStillThere(obj));
    }

    /// <summary>Whether nothing was done. Of a deletion its options say it, in JSON or in protobuf, in which no other word is this one.</summary>
    private static bool IsDryRun(HubRequest request, ReadOnlySpan<byte> body) =>
        request.Method != "GET" && (request.Path!.Parameter("dryRun").Any(asked => asked is { Length: > 0 }) || (request.Method == "DELETE" && body.IndexOf("All"u8) >= 0));

    /// <summary>Whether a deletion that was answered with this has only begun: a finalizer holds the object, or it is given time to end.</summary>
    private static bool IsStillThere(JsonObject deleted) => deleted.Items("metadata", "finalizers") is { Count: > 0 } || deleted.Whole("metadata", "deletionGracePeriodSeconds") > 0;

    /// <summary>What the API server has no more is not shown while cut off either, and what a caller may not read any more is not shown to it.</summary>
    private void Forget(string caller, ApiPath path, bool isGone)
    {
        if (cache.Find(CacheQuery.Of(path) with { LabelSelector = "", FieldSelector = "" }) is not { } kept)
        {
            return;
        }

        if (isGone)
        {
            cache.Gone(kept);
        }
        else if (kept.IsGranted(caller))
        {
            cache.Revoke(kept, caller);
        }
    }

    /// <summary>Most answers say what is known: that is found out without reading them whole.</summary>
    private bool IsKeptAlready(string caller, ApiPath path, byte[] bytes) =>
        cache.Find(CacheQuery.Of(path) with { LabelSelector = "", FieldSelector = "" }) is { IsDoubtful: false } kept && kept.IsGranted(caller) && VersionOf(bytes) == kept.Revision;

    private static long VersionOf(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName)
                {
                    continue;
                }

                if (reader.CurrentDepth == 2 && reader.ValueTextEquals("resourceVersion"u8) && reader.Read())
                {
                    return reader.TokenType == JsonTokenType.String && long.TryParse(reader.GetString(), out var version) ? version : 0;
                }

                if (reader.CurrentDepth != 1 || !reader.ValueTextEquals("metadata"u8))
                {
                    reader.Skip();
                }
            }
        }
        catch (JsonException)
        {
            // Not JSON.
        }

        return 0;
    }

    private static JsonObject? Read(byte[] bytes)
    {
        try
        {
            return JsonNode.Parse(Encoding.UTF8.GetString(bytes)) is JsonObject obj && obj.Text("kind") is not ("Status" or null) ? obj : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
