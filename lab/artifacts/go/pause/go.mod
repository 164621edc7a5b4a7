// The program that holds a pod's namespaces. No dependencies.
module gardenos.internal/lab/pause

go 1.26.0
