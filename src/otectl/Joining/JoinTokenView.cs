using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Joining;

/// <summary>Typed reading and making of a <c>JoinToken</c> object. It holds the hash of the secret, never the secret.</summary>
/// <param name="Object">The object, verbatim.</param>
internal readonly record struct JoinTokenView(JsonObject Object)
{
    internal string Id => Object.Name();

    internal DateTimeOffset? Expires => Object.Time("spec", "expiresAt");

    /// <summary>How many clusters may join with it; 0 for any number.</summary>
    internal long Uses => Object.Whole("spec", "uses") ?? 0;

    /// <summary>How many clusters have joined with it.</summary>
    internal long Used => Object.Whole("status", "used") ?? 0;

    internal bool AutoAccept => Object.Truth("spec", "autoAccept") ?? false;

    /// <summary>The cluster that lets in by it; empty for the root.</summary>
    internal string Issuer => Object.Text("spec", "issuer") ?? "";

    internal string NamePattern => Object.Text("spec", "namePattern") ?? "";

    internal DateTimeOffset? Created => Object.Time("metadata", "creationTimestamp");

    internal string State(DateTimeOffset now) => Expires <= now ? "expired" : Uses > 0 && Used >= Uses ? "used up" : "valid";

    internal static JsonObject Make(JoinTokenText token, DateTimeOffset expires, int uses, bool autoAccept, string? namePattern, string? issuer = null)
    {
        var spec = new JsonObject
        {
            ["secretHash"] = token.SecretHash,
            ["expiresAt"] = expires.ToKubeTime(),
            ["uses"] = uses,
            ["autoAccept"] = autoAccept,
        };
        if (!string.IsNullOrEmpty(namePattern))
        {
            spec["namePattern"] = namePattern;
        }

        if (!string.IsNullOrEmpty(issuer))
        {
            spec["issuer"] = issuer;
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.JoinTokens.ApiVersion,
            ["kind"] = Kinds.JoinTokens.Kind,
            ["metadata"] = new JsonObject { ["name"] = token.Id },
            ["spec"] = spec,
        };
    }
}
