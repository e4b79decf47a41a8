using System.Text.Json.Nodes;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Admission;

/// <summary>A change about to be made.</summary>
/// <param name="User">Who makes it; the impersonated user where one acts for another.</param>
/// <param name="Verb">create, update or delete; a patch is an update.</param>
/// <param name="Group">API group of the object.</param>
/// <param name="Kind">Kind of the object.</param>
/// <param name="Subresource">Such as <c>status</c>; null for the object itself.</param>
/// <param name="Object">The object as it would be stored; null on delete. Not to be changed.</param>
/// <param name="Old">The object as it is stored; null on create. Not to be changed.</param>
public sealed record AdmissionRequest(
    UserInfo User, string Verb, string Group, string Kind, string? Subresource, JsonObject? Object, JsonObject? Old);

/// <summary>What an admission rule says.</summary>
/// <param name="Object">The object to store in place of the one asked about; null leaves it.</param>
/// <param name="Denial">Why the change is refused; null allows it.</param>
public readonly record struct AdmissionVerdict(JsonObject? Object, string? Denial)
{
    /// <summary>The answer in place of the usual refusal; null: the usual one, a 403 with <see cref="Denial"/>.</summary>
    internal Http.ApiError? Refusal { get; init; }

    /// <summary>Nothing to say.</summary>
    public static AdmissionVerdict Allow => default;

    /// <summary>Store this instead.</summary>
    public static AdmissionVerdict Replace(JsonObject obj) => new(obj, null);

    /// <summary>Refuse.</summary>
    public static AdmissionVerdict Deny(string why) => new(null, why);
}

/// <summary>
/// A rule every change passes before it is stored, in the order the rules are listed. Pure: no I/O, no clock, the same answer
/// for the same request, because a change that lost a race is decided again.
/// </summary>
public interface IAdmission
{
    /// <summary>Decides about one change.</summary>
    AdmissionVerdict Decide(AdmissionRequest request);
}
