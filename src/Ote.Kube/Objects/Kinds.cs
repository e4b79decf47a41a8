namespace Ote.Kube.Objects;

/// <summary>The kinds this product reads or writes by name.</summary>
public static class Kinds
{
    /// <summary>core/v1 Namespace.</summary>
    public static ResourceRef Namespaces { get; } = new("", "v1", "namespaces", "Namespace", false);

    /// <summary>core/v1 Node.</summary>
    public static ResourceRef Nodes { get; } = new("", "v1", "nodes", "Node", false);

    /// <summary>core/v1 Pod.</summary>
    public static ResourceRef Pods { get; } = new("", "v1", "pods", "Pod", true);

    /// <summary>core/v1 Event.</summary>
    public static ResourceRef Events { get; } = new("", "v1", "events", "Event", true);

    /// <summary>core/v1 ConfigMap.</summary>
    public static ResourceRef ConfigMaps { get; } = new("", "v1", "configmaps", "ConfigMap", true);

    /// <summary>core/v1 Secret.</summary>
    public static ResourceRef Secrets { get; } = new("", "v1", "secrets", "Secret", true);

    /// <summary>core/v1 Service.</summary>
    public static ResourceRef Services { get; } = new("", "v1", "services", "Service", true);

    /// <summary>apps/v1 Deployment.</summary>
    public static ResourceRef Deployments { get; } = new("apps", "v1", "deployments", "Deployment", true);

    /// <summary>apps/v1 ReplicaSet.</summary>
    public static ResourceRef ReplicaSets { get; } = new("apps", "v1", "replicasets", "ReplicaSet", true);

    /// <summary>apps/v1 DaemonSet.</summary>
    public static ResourceRef DaemonSets { get; } = new("apps", "v1", "daemonsets", "DaemonSet", true);

    /// <summary>apps/v1 StatefulSet.</summary>
    public static ResourceRef StatefulSets { get; } = new("apps", "v1", "statefulsets", "StatefulSet", true);

    /// <summary>apps/v1 ControllerRevision: one template a DaemonSet or StatefulSet had.</summary>
    public static ResourceRef ControllerRevisions { get; } = new("apps", "v1", "controllerrevisions", "ControllerRevision", true);

    /// <summary>batch/v1 Job.</summary>
    public static ResourceRef Jobs { get; } = new("batch", "v1", "jobs", "Job", true);

    /// <summary>batch/v1 CronJob.</summary>
    public static ResourceRef CronJobs { get; } = new("batch", "v1", "cronjobs", "CronJob", true);

    /// <summary>core/v1 Endpoints.</summary>
    public static ResourceRef Endpoints { get; } = new("", "v1", "endpoints", "Endpoints", true);

    /// <summary>discovery.k8s.io/v1 EndpointSlice.</summary>
    public static ResourceRef EndpointSlices { get; } = new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true);

    /// <summary>policy/v1 PodDisruptionBudget.</summary>
    public static ResourceRef PodDisruptionBudgets { get; } = new("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true);

    /// <summary>scheduling.k8s.io/v1 PriorityClass.</summary>
    public static ResourceRef PriorityClasses { get; } = new("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false);

    /// <summary>core/v1 PersistentVolumeClaim.</summary>
    public static ResourceRef PersistentVolumeClaims { get; } = new("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true);

    /// <summary>core/v1 PersistentVolume.</summary>
    public static ResourceRef PersistentVolumes { get; } = new("", "v1", "persistentvolumes", "PersistentVolume", false);

    /// <summary>core/v1 ServiceAccount.</summary>
    public static ResourceRef ServiceAccounts { get; } = new("", "v1", "serviceaccounts", "ServiceAccount", true);

    /// <summary>coordination.k8s.io/v1 Lease.</summary>
    public static ResourceRef Leases { get; } = new("coordination.k8s.io", "v1", "leases", "Lease", true);

    /// <summary>apiextensions.k8s.io/v1 CustomResourceDefinition.</summary>
    public static ResourceRef CustomResourceDefinitions { get; } =
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false);

    /// <summary>ote.baidu.com/v1 Cluster: a named node of the tree.</summary>
    public static ResourceRef Clusters { get; } = new("ote.baidu.com", "v1", "clusters", "Cluster", false);

    /// <summary>ote.baidu.com/v1 ClusterController: a command.</summary>
    public static ResourceRef ClusterControllers { get; } = new("ote.baidu.com", "v1", "clustercontrollers", "ClusterController", true);

    /// <summary>ote.baidu.com/v1 ClusterControllerResult: a page of a command's targets or results.</summary>
    public static ResourceRef ClusterControllerResults { get; } =
        new("ote.baidu.com", "v1", "clustercontrollerresults", "ClusterControllerResult", true);

    /// <summary>ote.baidu.com/v1 ClusterMessage: what one cluster's applications say to another's.</summary>
    public static ResourceRef ClusterMessages { get; } = new("ote.baidu.com", "v1", "clustermessages", "ClusterMessage", true);

    /// <summary>ote.baidu.com/v1 CommandPolicy: who may have which clusters asked for what.</summary>
    public static ResourceRef CommandPolicies { get; } = new("ote.baidu.com", "v1", "commandpolicies", "CommandPolicy", false);

    /// <summary>ote.baidu.com/v1 MessagePolicy: which clusters may send which others messages.</summary>
    public static ResourceRef MessagePolicies { get; } = new("ote.baidu.com", "v1", "messagepolicies", "MessagePolicy", false);

    /// <summary>ote.baidu.com/v1 NamespacePolicy: which namespaces of a control API are in which clusters too.</summary>
    public static ResourceRef NamespacePolicies { get; } = new("ote.baidu.com", "v1", "namespacepolicies", "NamespacePolicy", false);

    /// <summary>ote.baidu.com/v1 JoinToken: the hash of a one-time token and what it allows.</summary>
    public static ResourceRef JoinTokens { get; } = new("ote.baidu.com", "v1", "jointokens", "JoinToken", false);
}
