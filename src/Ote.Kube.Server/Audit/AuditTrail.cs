using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Audit;

/// <summary>What becomes known of one request on its way, and when it is told to the log. One request's own.</summary>
internal sealed class AuditTrail
{
    private const string IdHeader = "Audit-Id";
    private const int MaxId = 64;

    private readonly AuditBackend _backend;
    private readonly AuditPolicy _policy;
    private readonly TimeProvider _time;
    private AuditLevel? _level;
    private AuditStages _omit;

    public AuditTrail(AuditBackend backend, AuditPolicy policy, HttpContext context, Func<Guid> newId, TimeProvider time)
    {
        (_backend, _policy, _time, Context) = (backend, policy, time, context);
        Received = time.GetUtcNow();
        // A client's own id, so that a request can be followed through servers in a row.
        var asked = context.Request.Headers[IdHeader].ToString();
        Id = asked.Length is > 0 and <= MaxId && asked.All(c => c is > ' ' and < '\x7f') ? asked : newId().ToString("D");
        context.Response.Headers[IdHeader] = Id;
    }

    public HttpContext Context { get; }

    public string Id { get; }

    public DateTimeOffset Received { get; }

    public AuditLevel Level => _level ?? AuditLevel.None;

    /// <summary>Who asks, before impersonation; null: not known.</summary>
    public UserInfo? User { get; private set; }

    /// <summary>Whom they act as; null: nobody else.</summary>
    public UserInfo? Impersonated { get; set; }

    /// <summary>In the words of RBAC.</summary>
    public string Verb { get; private set; } = "";

    /// <summary>What is asked for; null: a path that is no resource.</summary>
    public ResourcePath? Path { get; private set; }

    /// <summary>Its namespace; null: none.</summary>
    public string? Namespace { get; private set; }

    /// <summary>The object's metadata, as far as the body said or the answer says what the path does not; null: nothing.</summary>
    public (string? Name, string? Uid, string? Version)? Object { get; private set; }

    /// <summary>What the authorizer said; null: it was not asked.</summary>
    public (bool Allowed, string Reason)? Decision { get; set; }

    /// <summary>How it failed; null: it did not.</summary>
    public ApiError? Error { get; private set; }

    /// <summary>Whether the client went before there was an answer.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>Notes what is asked for.</summary>
    public void Asks(string verb, ResourcePath? path, string? ns)
    {
        (Verb, Path, Namespace) = (verb, path, ns);
        if (path is not null && (verb == "watch" || path.Subresource is "log" or "exec" or "attach" or "portforward" or "proxy"))
        {
            Context.Response.OnStarting(static trail => ((AuditTrail)trail).ReachedAsync(AuditStages.ResponseStarted).AsTask(), this);
        }
    }

    /// <summary>Notes who asks, by which the policy decides.</summary>
    public ValueTask ByAsync(UserInfo user)
    {
        User = user;
        Decide();
        return ReachedAsync(AuditStages.RequestReceived);
    }

    /// <summary>Notes of which object a body is, where the path does not name it.</summary>
    public void Of(JsonObject obj)
    {
        if (obj["metadata"] is JsonObject metadata)
        {
            // Copied: the write uses the object up.
            Object = (metadata.Text("name"), metadata.Text("uid"), metadata.Text("resourceVersion"));
        }
    }

    /// <summary>Notes the object that was made, of a name that was not the client's.</summary>
    public void Made(byte[] json)
    {
        if (Object?.Name is not { Length: > 0 })
        {
            Of(Schema.ObjectJson.Stored(json));
        }
    }

    /// <summary>The request is over.</summary>
    /// <param name="error">How it failed; null: it did not.</param>
    /// <param name="abandoned">Whether the client went before its end.</param>
    public ValueTask EndedAsync(ApiError? error, bool abandoned)
    {
        (Error, IsAbandoned) = (error, abandoned && !Context.Response.HasStarted);
        if (_level is null)
        {
            Decide(); // it failed before it was known who asks
        }

        if (_level == AuditLevel.None && _policy.NotesRefusals && error?.Code is 401 or 403)
        {
            _level = AuditLevel.Metadata;
        }

        return ReachedAsync(AuditStages.ResponseComplete);
    }

    private void Decide() => (_level, _omit) = _policy.Of(new AuditSubject(
        User?.Name ?? "", User?.Groups ?? [], Verb, Path?.Group ?? "", Path?.Plural ?? "", Path?.Subresource ?? "", Namespace ?? "", Path?.Name ?? "",
        Context.Request.Path.Value ?? "/"));

    private ValueTask ReachedAsync(AuditStages stage) =>
        Level == AuditLevel.None || (_omit & stage) != 0 ? ValueTask.CompletedTask : _backend.AddAsync(AuditEvent.Write(this, stage, _time.GetUtcNow()));
}
