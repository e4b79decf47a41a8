using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Admission;

/// <summary>
/// Writes who commands onto each ClusterController and NamespacePolicy, so that every cluster it reaches can act as that user, and onto each Cluster who
/// accepted it or shut it out. The annotations follow the field: whoever last changed it is named, and nobody can write another name there.
/// </summary>
internal sealed class RequesterStamp : IAdmission
{
    public const string User = "ote.baidu.com/requested-by";
    public const string Groups = "ote.baidu.com/requested-by-groups";
    public const string AcceptanceUser = "ote.baidu.com/accepted-by";
    public const string AcceptanceGroups = "ote.baidu.com/accepted-by-groups";

    public AdmissionVerdict Decide(AdmissionRequest request) => request switch
    {
        { Group: "ote.baidu.com", Kind: "ClusterController" or "NamespacePolicy", Object: { } obj } => Stamp(request, obj, User, Groups, static o => o["spec"]),
        { Group: "ote.baidu.com", Kind: "Cluster", Object: { } obj } => Stamp(request, obj, AcceptanceUser, AcceptanceGroups, static o => o.At("spec", "accepted")),
        _ => AdmissionVerdict.Allow,
    };

    private static AdmissionVerdict Stamp(AdmissionRequest request, JsonObject obj, string userKey, string groupsKey, Func<JsonObject, JsonNode?> field)
    {
        var value = field(obj);
        var (user, groups) = value is null ? (null, null)
            : request.Old is { } old && JsonNode.DeepEquals(field(old), value) ? (old.Annotation(userKey), old.Annotation(groupsKey))
            : (request.User.Name, string.Join(',', request.User.Groups));
        if (obj.Annotation(userKey) == user && obj.Annotation(groupsKey) == groups)
        {
            return AdmissionVerdict.Allow;
        }

        var stamped = obj.Copy();
        var annotations = stamped.Child("metadata").Child("annotations");
        Set(annotations, userKey, user);
        Set(annotations, groupsKey, groups);
        return AdmissionVerdict.Replace(stamped);
    }

    private static void Set(JsonObject annotations, string key, string? value)
    {
        if (value is null)
        {
            annotations.Remove(key);
        }
        else
        {
            annotations[key] = value;
        }
    }
}
