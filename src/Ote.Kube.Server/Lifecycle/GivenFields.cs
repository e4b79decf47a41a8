using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// Fields that the server gives a new object where its maker asks for nothing, other than by defaults: nobody owns them. In the real server they come
/// from admission, from the work on a job's selector and from handing out a service's addresses.
/// </summary>
internal static class GivenFields
{
    /// <summary>Those that the object as it was sent leaves to the server.</summary>
    public static FieldSet Of(KindInfo kind, JsonObject sent)
    {
        var spec = PathElement.Field("spec");
        var given = FieldSet.Empty;
        switch (kind.Group, kind.Plural)
        {
            case ("", "pods" or "services"):
                foreach (var name in kind.Plural == "pods" ? (string[])["tolerations", "priority", "preemptionPolicy"] : ["ipFamilies", "ipFamilyPolicy"])
                {
                    if (sent.At("spec", name) is null)
                    {
                        given = given.Union(FieldSet.Of(spec, PathElement.Field(name)));
                    }
                }

                break;
            case ("batch", "jobs") when sent.At("spec", "selector") is null:
                given = FieldSet.Of(spec, PathElement.Field("selector"));
                var (template, metadata, labels) = (PathElement.Field("template"), PathElement.Field("metadata"), PathElement.Field("labels"));
                foreach (var name in (string[])["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"])
                {
                    given = given.Union(FieldSet.Of(spec, template, metadata, labels, PathElement.Field(name)));
                }

                if (sent.At("spec", "template", "metadata", "labels") is null)
                {
                    given = given.Union(FieldSet.Of(spec, template, metadata, labels));
                }

                break;
        }

        return given;
    }
}
