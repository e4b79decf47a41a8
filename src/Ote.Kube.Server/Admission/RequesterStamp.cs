using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Admission;

/// <summary>
/// Writes who commands onto each ClusterController, so that every cluster it reaches can act as that user. The annotations
/// follow the spec: whoever last changed it is the requester, and nobody can write another name there.
/// </summary>
internal sealed class RequesterStamp : IAdmission
{
    public const string User = "ote.baidu.com/requested-by";
    public const string Groups = "ote.baidu.com/requested-by-groups";

    public AdmissionVerdict Decide(AdmissionRequest request)
    {
        if (request is not { Group: "ote.baidu.com", Kind: "ClusterController", Object: { } obj })
        {
            return AdmissionVerdict.Allow;
        }

        var (user, groups) = request.Old is { } old && JsonNode.DeepEquals(old["spec"], obj["spec"])
            ? (old.Annotation(User), old.Annotation(Groups))
            : (request.User.Name, string.Join(',', request.User.Groups));
        if (obj.Annotation(User) == user && obj.Annotation(Groups) == groups)
        {
            return AdmissionVerdict.Allow;
        }

        var stamped = obj.Copy();
        var annotations = stamped.Child("metadata").Child("annotations");
        Set(annotations, User, user);
        Set(annotations, Groups, groups);
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
