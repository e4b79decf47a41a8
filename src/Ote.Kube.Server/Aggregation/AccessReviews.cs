using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Aggregation;

/// <summary>
/// Asks another API server who may do what (SubjectAccessReview), and remembers its answers for a moment: what it allows ten seconds, what it refuses as long, as Kubernetes' own extension servers do. What cannot be asked is not
/// allowed. Thread-safe.
/// </summary>
/// <param name="authority">That API server.</param>
/// <param name="time">The clock.</param>
internal sealed class AccessReviews(KubeClient authority, TimeProvider time) : IDisposable
{
    /// <summary>How long an answer holds.</summary>
    public static readonly TimeSpan Holds = TimeSpan.FromSeconds(10);

    private const int MostKept = 10_000;
    private const int MostAtOnce = 32;
    private static readonly ResourceRef Reviews = new("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (AccessAnswer Answer, long At)> _kept = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _room = new(MostAtOnce);

    /// <summary>Whether a user may do something.</summary>
    /// <exception cref="ApiError">503 when it cannot be asked.</exception>
    public async ValueTask<AccessAnswer> AskAsync(UserInfo user, AccessRequest asked, CancellationToken cancellation)
    {
        if (user.IsMaster)
        {
            return new AccessAnswer(true, "");
        }

        var review = Review(user, asked);
        var key = review["spec"]!.ToJsonString(Schema.ObjectJson.Plain); // JSON, so that no two questions are written alike
        lock (_gate)
        {
            if (_kept.TryGetValue(key, out var known) && time.GetElapsedTime(known.At) < Holds)
            {
                return known.Answer;
            }
        }

        var at = time.GetTimestamp();
        var answer = await SendAsync(review, cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            if (_kept.Count >= MostKept)
            {
                Forget();
            }

            _kept[key] = (answer, at);
        }

        return answer;
    }

    public void Dispose() => _room.Dispose();

    private static JsonObject Review(UserInfo user, AccessRequest asked)
    {
        var slash = asked.Resource.IndexOf('/', StringComparison.Ordinal);
        var attributes = new JsonObject { ["verb"] = asked.Verb, ["group"] = asked.Group, ["resource"] = slash < 0 ? asked.Resource : asked.Resource[..slash] };
        if (slash >= 0)
        {
            attributes["subresource"] = asked.Resource[(slash + 1)..];
        }

        if (asked.Namespace is not null)
        {
            attributes["namespace"] = asked.Namespace;
        }

        if (asked.Name is not null)
        {
            attributes["name"] = asked.Name;
        }

        var spec = new JsonObject { ["user"] = user.Name, ["groups"] = Texts(user.Groups), ["resourceAttributes"] = attributes };
        if (user.Uid is not null)
        {
            spec["uid"] = user.Uid;
        }

        if (user.Extra.Count > 0)
        {
            spec["extra"] = new JsonObject(user.Extra.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => KeyValuePair.Create(e.Key, (JsonNode?)Texts(e.Value))));
        }

        return new JsonObject { ["apiVersion"] = Reviews.ApiVersion, ["kind"] = Reviews.Kind, ["spec"] = spec };
    }

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);

    private async Task<AccessAnswer> SendAsync(JsonObject review, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        var entered = false;
        try
        {
            await _room.WaitAsync(either.Token).ConfigureAwait(false);
            entered = true;
            var answered = await authority.CreateAsync(Reviews, null, review, either.Token).ConfigureAwait(false);
            return new AccessAnswer(answered.At("status", "allowed")?.GetValue<bool>() == true, answered.Text("status", "reason") ?? "");
        }
        catch (KubeStatusException refused) when (refused.Code == 403)
        {
            throw Unasked($"this server may not ask ({refused.Message}): otectl install --fleet gives it the right to create subjectaccessreviews");
        }
        catch (Exception away) when (away is KubeStatusException or HttpRequestException or IOException || (away is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw Unasked(late.IsCancellationRequested ? $"no answer within {Patience.TotalSeconds:0} s" : away.Message);
        }
        finally
        {
            if (entered)
            {
                _room.Release();
            }
        }
    }

    private static ApiError Unasked(string cause) => new(503, "ServiceUnavailable", $"whether you may cannot be asked at the root's API server: {cause}; try again") { RetryAfterSeconds = 1 };

    /// <summary>Makes room: what no longer holds goes, and all when everything does.</summary>
    private void Forget()
    {
        foreach (var key in _kept.Where(k => time.GetElapsedTime(k.Value.At) >= Holds).Select(k => k.Key).ToArray())
        {
            _kept.Remove(key);
        }

        if (_kept.Count >= MostKept)
        {
            _kept.Clear();
        }
    }
}

/// <summary>What an authority says of who may.</summary>
/// <param name="Allowed">Whether it is allowed.</param>
/// <param name="Reason">Why; may be empty.</param>
internal sealed record AccessAnswer(bool Allowed, string Reason);
